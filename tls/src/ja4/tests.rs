use super::*;
use crate::fixtures;

/// Worked out by an independent program after FoxIO's text. `crafted-browser` is that text's own example; the values
/// of curl and Go are the ones published for these clients.
const KNOWN: [(&str, &str); 19] = [
    ("crafted-browser", "t13d1516h2_8daaf6152771_e5627efa2ab1"),
    ("crafted-tlcp-bare", "t00i010000_87b57dcdba5c_000000000000"),
    ("crafted-tlcp-hint", "t12d050400_fa3a5a4bcaf2_94ae408008e8"),
    ("curl-ip", "t13i3111h2_e8f1e7e78f70_b26ce05bbdd6"),
    ("curl-tls12", "t12d2807h2_d943125447b4_a44c6288192a"),
    ("curl-tls13-h2", "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"),
    ("go-tls13", "t13d1312h2_f57a46bbacb6_ab7e3b40a677"),
    ("openssl-fallback", "t12d290700_e8896cf58dc3_e7e480e5a997"),
    ("openssl-many-alpn", "t13d3111h2_e8f1e7e78f70_1f22a2ca17c4"),
    ("openssl-tls11", "t11d090600_c491f621fb4c_195413a0cc0f"),
    ("openssl-tls12-no-name", "t12i280600_d943125447b4_e7e480e5a997"),
    ("openssl-tls13", "t13d041000_16476d049b0b_78f1d400d464"),
    ("openssl4-pq", "t13d3012h2_1d37bd780c83_0d46a1bf4a7c"),
    ("openssl4-sm-and-standard", "t13d291100_27ffa651ccd0_3c421c5c89fa"),
    ("openssl4-tls13-sm", "t13d020900_86f242c7826e_5a21df082329"),
    ("openssl4-tls13-sm-hybrid", "t13d010900_019185d5a21d_5a21df082329"),
    ("tongsuo-tlcp", "t00i090100_e1e038d0e91e_e78b541c01a9"),
    ("tongsuo-tlcp-sni-alpn", "t00d0903h2_e1e038d0e91e_e78b541c01a9"),
    ("tongsuo-tls13-sm", "t13d0211h2_86f242c7826e_1aaff57772e3"),
];

#[test]
fn every_recorded_client_has_its_known_fingerprint() {
    assert_eq!(KNOWN.map(|known| known.0.to_owned()).to_vec(), fixtures::names(), "a fixture without a known answer");
    for (name, fingerprint) in KNOWN {
        assert_eq!(fixtures::hello(name).ja4(), fingerprint, "{name}");
    }
}

#[test]
fn an_application_protocol_shows_its_ends_or_those_of_its_hexadecimal_form() {
    // The table of FoxIO's text, and its two plain cases.
    let cases: [(&[u8], &str); 8] = [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"x", "xx"),
        (&[0xab], "ab"),
        (&[0xab, 0xcd], "ad"),
        (&[0x30, 0xab], "3b"),
        (&[0x30, 0x31, 0xab, 0xcd], "3d"),
        (&[0x30, 0xab, 0xcd, 0x31], "01"),
    ];
    for (name, shown) in cases {
        let hello = ClientHello { alpn: vec![name.to_vec()], ..Default::default() };
        assert_eq!(hello.ja4_alpn(), shown, "{name:02x?}");
    }
    assert_eq!(ClientHello::default().ja4_alpn(), "00");
}

#[test]
fn without_schemes_the_extensions_stand_alone() {
    // Another example of FoxIO's text.
    let extensions = [0x001b, 0, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0xd, 5, 0x23, 0x12, 0x2b, 0xff01, 0xb, 0xa, 0x15];
    let hello = ClientHello { extensions: extensions.to_vec(), ..Default::default() };
    assert!(hello.ja4().ends_with("_6d807ffa2a79"), "{}", hello.ja4());
}

#[test]
fn a_hundred_suites_count_as_99() {
    let hello = ClientHello { suites: (0x1300..0x1364).collect(), ..Default::default() };
    assert!(hello.ja4().starts_with("t00i990000_"), "{}", hello.ja4());
}
