//! Which certificate is for which server name.
//!
//! Names come from the certificates themselves. An exact name goes before a wildcard, a wildcard covers one label.

use std::collections::HashMap;

use jadegate_certs::certificate::Certificate;

/// Positions of certificates by the names they bear.
#[derive(Debug, Default)]
pub(crate) struct NameTable {
    exact: HashMap<Box<str>, Vec<usize>>,
    /// By what follows `*.`.
    wildcard: HashMap<Box<str>, Vec<usize>>,
    /// The first certificate and those that bear just the same names: what a client gets whose name nobody bears.
    fallback: Vec<usize>,
}

impl NameTable {
    /// A table of certificates at their positions; positions may have gaps, the first entry is the fallback.
    pub(crate) fn new<'a>(certificates: impl IntoIterator<Item = (usize, &'a Certificate)>) -> Self {
        let mut table = Self::default();
        let mut first: Option<Vec<String>> = None;
        for (position, certificate) in certificates {
            let mut names: Vec<String> = certificate.names().dns.iter().map(|name| name.to_ascii_lowercase()).collect();
            names.sort_unstable();
            names.dedup();
            for name in &names {
                let (map, key) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut table.wildcard, parent),
                    None => (&mut table.exact, name.as_str()),
                };
                map.entry(key.into()).or_default().push(position);
            }
            match &first {
                None => {
                    table.fallback.push(position);
                    first = Some(names);
                }
                Some(first) if !names.is_empty() && *first == names => table.fallback.push(position),
                Some(_) => {}
            }
        }
        table
    }

    /// Certificates for the name: those that bear it exactly, else those with a wildcard for it.
    pub(crate) fn matching(&self, name: &str) -> &[usize] {
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard).map_or(&[], Vec::as_slice)
    }

    /// What to serve when no certificate is for the name and that is allowed.
    pub(crate) fn fallback(&self) -> &[usize] {
        &self.fallback
    }
}
