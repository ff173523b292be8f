//! Promises of `Acceptor` and `Connector` that hold for every engine and protocol.
//!
//! Each behaviour is a function over a [`kind::Kind`]; it is mounted once per kind below. A behaviour that a protocol
//! cannot have (TLS 1.2 session ids in TLS 1.3) is left out of that kind's list, not skipped inside.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod authentication;
mod broken;
mod kind;
mod leaks;
mod limits;
mod listener;
mod names;
mod pki;
mod refusals;
mod resumption;
mod sessions;
mod stapling;
mod wire;

/// One test per behaviour, with the clock paused: it moves only when every task waits for it.
macro_rules! mount {
    ($module:ident, $kind:expr, [$($file:ident :: $test:ident),* $(,)?]) => {
        mod $module {
            $(
                #[tokio::test(start_paused = true)]
                async fn $test() {
                    crate::$file::$test($kind).await;
                }
            )*
        }
    };
}

/// What every kind promises, and what `$more` adds for this one.
macro_rules! behaviours {
    ($module:ident, $kind:expr, [$($more_file:ident :: $more_test:ident),* $(,)?]) => {
        mount!($module, $kind, [
            sessions::data_flows_both_ways_and_ends_with_close_notify,
            sessions::both_sides_agree_on_what_was_negotiated,
            sessions::application_protocols_are_negotiated_in_our_order,
            sessions::disjoint_application_protocols_are_refused,
            authentication::a_required_client_certificate_identifies_the_peer,
            authentication::a_client_without_a_required_certificate_is_refused,
            authentication::a_requested_client_certificate_may_be_absent,
            authentication::a_requested_client_certificate_that_is_bad_is_refused,
            authentication::peer_rules_admit_by_any_of_their_kinds,
            authentication::current_revocation_lists_let_good_peers_pass,
            authentication::an_insecure_client_has_no_verified_peer,
            names::the_certificate_follows_the_server_name,
            names::a_name_without_certificate_gets_the_first_one_unless_strict,
            resumption::a_second_connection_resumes_with_the_same_peer,
            resumption::nothing_resumes_when_resumption_is_off,
            resumption::nothing_resumes_after_a_change_of_trust_list_or_credential,
            limits::a_silent_client_times_out_in_the_hello,
            limits::a_client_that_stops_after_its_hello_times_out_in_the_handshake,
            limits::a_silent_server_times_out,
            limits::a_connection_opened_ahead_of_need_keeps_no_one_out,
            limits::handshakes_beyond_the_bound_wait_and_then_fail,
            refusals::a_client_without_a_chain_gets_an_alert,
            refusals::nonsense_after_the_hello_is_the_clients_fault,
            leaks::handshakes_of_every_outcome_leave_nothing_behind,
            $($more_file :: $more_test,)*
        ]);
    };
}

behaviours!(
    rustls_tls13,
    crate::kind::Kind::RUSTLS_TLS13,
    [
        resumption::an_unchanged_reload_and_a_replica_with_the_same_keys_still_resume,
        resumption::a_connection_that_was_cut_off_resumes_all_the_same,
        names::rsa_and_ecdsa_stand_side_by_side_under_one_name,
        authentication::a_client_certificate_is_not_asked_for_when_ignored,
        authentication::every_kind_of_key_serves_in_both_roles,
        broken::broken_servers_are_refused_with_the_kind_of_their_fault,
        broken::broken_clients_are_refused_with_the_kind_of_their_fault,
        stapling::the_ocsp_response_is_stapled_for_who_asks,
    ]
);

behaviours!(
    rustls_tls12,
    crate::kind::Kind::RUSTLS_TLS12,
    [
        resumption::an_unchanged_reload_and_a_replica_with_the_same_keys_still_resume,
        resumption::a_session_id_resumes_in_its_own_context_only,
        resumption::a_connection_that_was_cut_off_resumes_all_the_same,
        names::rsa_and_ecdsa_stand_side_by_side_under_one_name,
        authentication::a_client_certificate_is_not_asked_for_when_ignored,
        authentication::every_kind_of_key_serves_in_both_roles,
        broken::broken_servers_are_refused_with_the_kind_of_their_fault,
        broken::broken_clients_are_refused_with_the_kind_of_their_fault,
        stapling::the_ocsp_response_is_stapled_for_who_asks,
    ]
);

behaviours!(
    tlcp,
    crate::kind::Kind::TLCP,
    [
        resumption::a_session_id_resumes_in_its_own_context_only,
        resumption::a_connection_that_was_cut_off_resumes_all_the_same,
        authentication::a_client_certificate_is_not_asked_for_when_ignored,
    ]
);

behaviours!(
    tls13_sm,
    crate::kind::Kind::TLS13_SM,
    [
        resumption::an_unchanged_reload_and_a_replica_with_the_same_keys_still_resume,
        resumption::a_connection_that_was_cut_off_resumes_all_the_same,
        authentication::a_client_certificate_is_not_asked_for_when_ignored,
    ]
);

behaviours!(
    tongsuo_tls13,
    crate::kind::Kind::TONGSUO_TLS13,
    [
        resumption::an_unchanged_reload_and_a_replica_with_the_same_keys_still_resume,
        resumption::a_connection_that_was_cut_off_resumes_all_the_same,
        authentication::a_client_certificate_is_not_asked_for_when_ignored,
        names::rsa_and_ecdsa_stand_side_by_side_under_one_name,
        authentication::every_kind_of_key_serves_in_both_roles,
        broken::broken_servers_are_refused_with_the_kind_of_their_fault,
        broken::broken_clients_are_refused_with_the_kind_of_their_fault,
        stapling::the_ocsp_response_is_stapled_for_who_asks,
    ]
);

behaviours!(
    tongsuo_tls12,
    crate::kind::Kind::TONGSUO_TLS12,
    [
        resumption::an_unchanged_reload_and_a_replica_with_the_same_keys_still_resume,
        resumption::a_session_id_resumes_in_its_own_context_only,
        resumption::a_connection_that_was_cut_off_resumes_all_the_same,
        authentication::a_client_certificate_is_not_asked_for_when_ignored,
        names::rsa_and_ecdsa_stand_side_by_side_under_one_name,
        authentication::every_kind_of_key_serves_in_both_roles,
        broken::broken_servers_are_refused_with_the_kind_of_their_fault,
        broken::broken_clients_are_refused_with_the_kind_of_their_fault,
        stapling::the_ocsp_response_is_stapled_for_who_asks,
    ]
);
