use super::*;

fn names(ring: &TicketRing) -> Vec<[u8; TICKET_NAME_LENGTH]> {
    ring.derive::<32>(&[1; 32], "test").secrets.iter().map(|secret| secret.name).collect()
}

#[tokio::test(start_paused = true)]
async fn keys_rotate_when_due_and_two_old_ones_still_open() {
    let ring = TicketRing::generated(TicketRotation::default()).expect("random bytes");
    let first = names(&ring);
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert_eq!(names(&ring), first, "not yet due");
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = names(&ring);
    assert_eq!(second.len(), 2);
    assert_eq!(second[1], first[0]);
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(3600)).await;
        ring.epoch();
    }
    let last = names(&ring);
    assert_eq!(last.len(), 3);
    assert!(!last.contains(&first[0]));
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_slept_forgets_the_keys_it_should_have_dropped() {
    let ring = TicketRing::generated(TicketRotation::default()).expect("random bytes");
    let first = names(&ring);
    tokio::time::advance(Duration::from_secs(3 * 3600)).await;
    assert!(!names(&ring).contains(&first[0]));
}

#[test]
fn secrets_differ_by_context_and_purpose() {
    let ring = TicketRing::given(&[[7; 80]]).expect("keys");
    let secret = |context: u8, label| *ring.derive::<32>(&[context; 32], label).secrets[0].secret;
    assert_eq!(secret(1, "a"), secret(1, "a"));
    assert_ne!(secret(1, "a"), secret(2, "a"));
    assert_ne!(secret(1, "a"), secret(1, "b"));
}

#[test]
fn a_ring_refuses_no_keys_too_many_keys_and_short_keys() {
    assert_eq!(TicketRing::given::<[u8; 80]>(&[]).expect_err("none").reason(), "ticket_key_count");
    assert_eq!(TicketRing::given(&[[0; 80]; TICKET_KEYS_MAX + 1]).expect_err("many").reason(), "ticket_key_count");
    assert_eq!(TicketRing::given(&[[0; 48]]).expect_err("short").reason(), "ticket_key_length");
}

#[test]
fn debug_output_names_no_key_byte() {
    let ring = TicketRing::given(&[[0xab; 80]]).expect("keys");
    let text = format!("{ring:?}");
    assert!(!text.contains("171") && !text.to_lowercase().contains("abab"), "{text}");
}

#[test]
fn a_ring_takes_the_keys_of_a_ticket_key_file() {
    let file = jadegate_certs::material::TicketKeyFile::from_bytes(&[[7; 80], [8; 80]].concat()).expect("two keys");
    assert_eq!(names(&TicketRing::given(file.keys()).expect("keys")).len(), 2);
}
