//! The grid as data: what each peer can do at all.

use super::{Auth, Offer, Protocol, Role, Suite};
use crate::peers::Peer;
use std::fmt;

/// One peer, one offer, one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// The third party.
    pub peer: Peer,
    /// Which end it is.
    pub role: Role,
    /// What is spoken.
    pub offer: Offer,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Client => "client",
            Role::Server => "server",
        };
        write!(f, "{} as {role}: {}", self.peer, self.offer)
    }
}

const fn suite(name: &'static str) -> Suite {
    Suite { name, openssl: name }
}

const ECC_GCM: Suite = suite("ECC-SM2-SM4-GCM-SM3");
const ECC_CBC: Suite = suite("ECC-SM2-SM4-CBC-SM3");
const ECDHE_GCM: Suite = suite("ECDHE-SM2-SM4-GCM-SM3");
const ECDHE_CBC: Suite = suite("ECDHE-SM2-SM4-CBC-SM3");
const SM4_GCM: Suite = suite("TLS_SM4_GCM_SM3");
const SM4_CCM: Suite = suite("TLS_SM4_CCM_SM3");
const AES_128_GCM: Suite = suite("TLS_AES_128_GCM_SHA256");
const AES_256_GCM: Suite = suite("TLS_AES_256_GCM_SHA384");
const CHACHA: Suite = suite("TLS_CHACHA20_POLY1305_SHA256");
const ECDSA_AES: Suite =
    Suite { name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", openssl: "ECDHE-ECDSA-AES128-GCM-SHA256" };
const RSA_AES: Suite = Suite { name: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", openssl: "ECDHE-RSA-AES256-GCM-SHA384" };
const RSA_CHACHA: Suite =
    Suite { name: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", openssl: "ECDHE-RSA-CHACHA20-POLY1305" };

/// What a peer offers, and in which roles and authentications.
struct Ability {
    peer: Peer,
    protocol: Protocol,
    suites: &'static [Suite],
    groups: &'static [Option<&'static str>],
    roles: &'static [Role],
    auths: &'static [Auth],
}

const BOTH_ROLES: &[Role] = &[Role::Client, Role::Server];
const BOTH_AUTHS: &[Auth] = &[Auth::Server, Auth::Mutual];

/// Everything that a peer's own documentation or code says it can do; whether it does is what the test finds out.
const ABILITIES: &[Ability] = &[
    Ability {
        peer: Peer::Tongsuo,
        protocol: Protocol::Tlcp,
        suites: &[ECC_GCM, ECC_CBC],
        groups: &[None],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::Tongsuo,
        protocol: Protocol::Tlcp,
        suites: &[ECDHE_GCM, ECDHE_CBC],
        groups: &[None],
        roles: BOTH_ROLES,
        // The client's encryption certificate is part of the key exchange, so it always shows its pair.
        auths: &[Auth::Mutual],
    },
    Ability {
        peer: Peer::Go,
        protocol: Protocol::Tlcp,
        // Its ECDHE is a stub that panics.
        suites: &[ECC_CBC],
        groups: &[None],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::GmSsl,
        protocol: Protocol::Tlcp,
        suites: &[ECC_CBC],
        groups: &[None],
        roles: BOTH_ROLES,
        // Its client sends one certificate where TLCP has two, and its server takes no client's pair.
        auths: &[Auth::Server],
    },
    Ability {
        peer: Peer::Tongsuo,
        protocol: Protocol::Tls13Sm,
        suites: &[SM4_GCM, SM4_CCM],
        groups: &[Some("curveSM2"), Some("curveSM2MLKEM768")],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::OpenSsl,
        protocol: Protocol::Tls13Sm,
        suites: &[SM4_GCM, SM4_CCM],
        groups: &[Some("curveSM2"), Some("curveSM2MLKEM768")],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::OpenSsl,
        protocol: Protocol::Tls13,
        suites: &[AES_128_GCM],
        groups: &[Some("X25519MLKEM768"), Some("X25519")],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::DebianOpenSsl,
        protocol: Protocol::Tls13,
        suites: &[AES_256_GCM, CHACHA],
        groups: &[Some("P-256")],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::DebianOpenSsl,
        protocol: Protocol::Tls12,
        suites: &[ECDSA_AES, RSA_AES, RSA_CHACHA],
        // In TLS 1.2 the groups also say which curves a certificate may be on.
        groups: &[Some("P-256")],
        roles: BOTH_ROLES,
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::Curl,
        protocol: Protocol::Tls13,
        suites: &[AES_256_GCM],
        groups: &[Some("X25519")],
        roles: &[Role::Client],
        auths: BOTH_AUTHS,
    },
    Ability {
        peer: Peer::Curl,
        protocol: Protocol::Tls12,
        suites: &[ECDSA_AES, RSA_AES],
        groups: &[Some("P-256")],
        roles: &[Role::Client],
        auths: BOTH_AUTHS,
    },
];

/// Every cell of the grid, in the order of the table.
#[must_use]
pub fn cells() -> Vec<Cell> {
    let mut all = Vec::new();
    for ability in ABILITIES {
        for &suite in ability.suites {
            for &group in ability.groups {
                for &role in ability.roles {
                    for &auth in ability.auths {
                        let offer = Offer { protocol: ability.protocol, suite, group, auth };
                        all.push(Cell { peer: ability.peer, role, offer });
                    }
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_cell_is_there_twice() {
        let all = cells();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn all_four_tlcp_suites_are_tried_in_both_roles_with_every_authentication_they_have() {
        let tlcp: HashSet<_> = cells()
            .into_iter()
            .filter(|cell| cell.offer.protocol == Protocol::Tlcp && cell.peer == Peer::Tongsuo)
            .map(|cell| (cell.role, cell.offer.suite.name, cell.offer.auth))
            .collect();
        assert_eq!(tlcp.len(), 12);
    }
}
