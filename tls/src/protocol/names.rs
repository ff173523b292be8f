//! The tables behind the names: IANA's TLS registries, and GB/T 38636-2020 6.4.5.2.1 table 2 for TLCP.

/// One registered value: its number, its name, and other spellings that operators meet.
pub(super) struct Row {
    code: u16,
    name: &'static str,
    aliases: &'static [&'static str],
}

const fn row(code: u16, name: &'static str) -> Row {
    Row { code, name, aliases: &[] }
}

const fn alias(code: u16, name: &'static str, aliases: &'static [&'static str]) -> Row {
    Row { code, name, aliases }
}

/// The name of a number. The tables are sorted (a test says so).
pub(super) fn name_of(table: &[Row], code: u16) -> Option<&'static str> {
    table.binary_search_by_key(&code, |row| row.code).ok().and_then(|at| table.get(at)).map(|row| row.name)
}

/// The number of a name or an alias, in any case.
pub(super) fn code_of(table: &[Row], text: &str) -> Option<u16> {
    let same = |name: &&str| name.eq_ignore_ascii_case(text);
    table.iter().find(|row| same(&row.name) || row.aliases.iter().any(same)).map(|row| row.code)
}

/// Every name of a table.
pub(super) fn all(table: &'static [Row]) -> impl Iterator<Item = &'static str> {
    table.iter().map(|row| row.name)
}

/// Cipher suites. TLCP suites go by the names that Tongsuo and its users write; the spelling of GB/T 38636 is an alias.
pub(super) const SUITES: &[Row] = &[
    row(0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    row(0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    row(0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    row(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    row(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    row(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    row(0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    row(0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    row(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    row(0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    row(0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    row(0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    row(0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    row(0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    row(0x00c6, "TLS_SM4_GCM_SM3"),
    row(0x00c7, "TLS_SM4_CCM_SM3"),
    row(0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
    row(0x1301, "TLS_AES_128_GCM_SHA256"),
    row(0x1302, "TLS_AES_256_GCM_SHA384"),
    row(0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    row(0x1304, "TLS_AES_128_CCM_SHA256"),
    row(0x1305, "TLS_AES_128_CCM_8_SHA256"),
    row(0x5600, "TLS_FALLBACK_SCSV"),
    row(0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    row(0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    row(0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    row(0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    row(0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    row(0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    row(0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    row(0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    alias(0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", &["ECDHE-ECDSA-AES128-GCM-SHA256"]),
    alias(0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", &["ECDHE-ECDSA-AES256-GCM-SHA384"]),
    alias(0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", &["ECDHE-RSA-AES128-GCM-SHA256"]),
    alias(0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", &["ECDHE-RSA-AES256-GCM-SHA384"]),
    alias(0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", &["ECDHE-RSA-CHACHA20-POLY1305"]),
    alias(0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", &["ECDHE-ECDSA-CHACHA20-POLY1305"]),
    row(0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    alias(0xe011, "ECDHE-SM2-SM4-CBC-SM3", &["ECDHE_SM4_CBC_SM3", "ECDHE-SM4-CBC-SM3", "ECDHE-SM2-WITH-SM4-SM3"]),
    alias(0xe013, "ECC-SM2-SM4-CBC-SM3", &["ECC_SM4_CBC_SM3", "ECC-SM4-CBC-SM3", "ECC-SM2-WITH-SM4-SM3"]),
    row(0xe015, "IBSDH_SM4_CBC_SM3"),
    row(0xe017, "IBC_SM4_CBC_SM3"),
    alias(0xe019, "RSA_SM4_CBC_SM3", &["RSA-SM4-CBC-SM3"]),
    alias(0xe01c, "RSA_SM4_CBC_SHA256", &["RSA-SM4-CBC-SHA256"]),
    alias(0xe051, "ECDHE-SM2-SM4-GCM-SM3", &["ECDHE_SM4_GCM_SM3", "ECDHE-SM4-GCM-SM3"]),
    alias(0xe053, "ECC-SM2-SM4-GCM-SM3", &["ECC_SM4_GCM_SM3", "ECC-SM4-GCM-SM3"]),
    row(0xe055, "IBSDH_SM4_GCM_SM3"),
    row(0xe057, "IBC_SM4_GCM_SM3"),
    alias(0xe059, "RSA_SM4_GCM_SM3", &["RSA-SM4-GCM-SM3"]),
    alias(0xe05a, "RSA_SM4_GCM_SHA256", &["RSA-SM4-GCM-SHA256"]),
];

/// Key exchange groups.
pub(super) const GROUPS: &[Row] = &[
    alias(0x0017, "secp256r1", &["P-256", "prime256v1"]),
    alias(0x0018, "secp384r1", &["P-384"]),
    alias(0x0019, "secp521r1", &["P-521"]),
    row(0x001a, "brainpoolP256r1"),
    row(0x001b, "brainpoolP384r1"),
    row(0x001c, "brainpoolP512r1"),
    row(0x001d, "x25519"),
    row(0x001e, "x448"),
    row(0x001f, "brainpoolP256r1tls13"),
    row(0x0020, "brainpoolP384r1tls13"),
    row(0x0021, "brainpoolP512r1tls13"),
    alias(0x0029, "curveSM2", &["SM2"]),
    row(0x0100, "ffdhe2048"),
    row(0x0101, "ffdhe3072"),
    row(0x0102, "ffdhe4096"),
    row(0x0103, "ffdhe6144"),
    row(0x0104, "ffdhe8192"),
    row(0x0200, "MLKEM512"),
    row(0x0201, "MLKEM768"),
    row(0x0202, "MLKEM1024"),
    row(0x11eb, "SecP256r1MLKEM768"),
    row(0x11ec, "X25519MLKEM768"),
    row(0x11ed, "SecP384r1MLKEM1024"),
    row(0x11ee, "curveSM2MLKEM768"),
    row(0x6399, "X25519Kyber768Draft00"),
];

/// Signature schemes. 0x0704 is not IANA's: GM/T 0024-2023 annex A.5 uses it inside a TLCP hello.
pub(super) const SCHEMES: &[Row] = &[
    row(0x0201, "rsa_pkcs1_sha1"),
    row(0x0203, "ecdsa_sha1"),
    row(0x0401, "rsa_pkcs1_sha256"),
    row(0x0403, "ecdsa_secp256r1_sha256"),
    row(0x0501, "rsa_pkcs1_sha384"),
    row(0x0503, "ecdsa_secp384r1_sha384"),
    row(0x0601, "rsa_pkcs1_sha512"),
    row(0x0603, "ecdsa_secp521r1_sha512"),
    row(0x0704, "sm3_sm2"),
    row(0x0708, "sm2sig_sm3"),
    row(0x0804, "rsa_pss_rsae_sha256"),
    row(0x0805, "rsa_pss_rsae_sha384"),
    row(0x0806, "rsa_pss_rsae_sha512"),
    row(0x0807, "ed25519"),
    row(0x0808, "ed448"),
    row(0x0809, "rsa_pss_pss_sha256"),
    row(0x080a, "rsa_pss_pss_sha384"),
    row(0x080b, "rsa_pss_pss_sha512"),
    row(0x081a, "ecdsa_brainpoolP256r1tls13_sha256"),
    row(0x081b, "ecdsa_brainpoolP384r1tls13_sha384"),
    row(0x081c, "ecdsa_brainpoolP512r1tls13_sha512"),
    row(0x0904, "mldsa44"),
    row(0x0905, "mldsa65"),
    row(0x0906, "mldsa87"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted_so_that_a_search_finds_every_row() {
        for table in [SUITES, GROUPS, SCHEMES] {
            assert!(table.is_sorted_by(|a, b| a.code < b.code));
            for row in table {
                assert_eq!(name_of(table, row.code), Some(row.name));
            }
        }
    }

    #[test]
    fn no_spelling_means_two_things() {
        for table in [SUITES, GROUPS, SCHEMES] {
            let mut spellings: Vec<String> = table
                .iter()
                .flat_map(|row| std::iter::once(&row.name).chain(row.aliases))
                .map(|name| name.to_ascii_lowercase())
                .collect();
            let count = spellings.len();
            spellings.sort();
            spellings.dedup();
            assert_eq!(spellings.len(), count);
        }
    }
}
