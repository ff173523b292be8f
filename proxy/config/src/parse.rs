//! Text to [`Config`]: read, check against the schema, resolve.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use crate::document::Document;
use crate::model::{Config, Position};
use crate::path::Path;
use crate::problem::{Problem, Problems};
use crate::resolve::{Source, resolve};
use crate::schema::{shared, walk};
use crate::yaml;

#[cfg(test)]
mod tests;

/// Reads a configuration. `origin` names the document in messages, and relative paths in it begin at its directory.
///
/// # Errors
/// All that is wrong with the document, if anything is.
pub fn parse(text: &str, origin: &FsPath) -> Result<Config, Problems> {
    let file: Arc<FsPath> = origin.into();
    let mut problems = Problems::default();
    let config = attempt(text, &file, &mut problems);
    problems.sort();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

/// Why a configuration could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was read, and this is wrong with it.
    #[error("{0}")]
    Problems(Problems),
}

/// Reads and parses the file at `path`.
///
/// # Errors
/// That the file cannot be read, or all that is wrong with it.
pub fn load(path: &FsPath) -> Result<Config, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // One byte more than is allowed is enough to be told so.
    file.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    parse_bytes(bytes, path).map_err(LoadError::Problems)
}

/// As [`parse`], for bytes that may not be text.
///
/// # Errors
/// All that is wrong with the document, if anything is.
pub fn parse_bytes(bytes: Vec<u8>, origin: &FsPath) -> Result<Config, Problems> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return parse(&text, origin),
        Err(error) => error.into_bytes(),
    };
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let last = valid.rsplit('\n').next().unwrap_or_default();
    let position = Position {
        file: origin.into(),
        line: valid.matches('\n').count() + 1,
        column: last.chars().count() + 1,
        path: String::new(),
    };
    let mut problems = Problems::default();
    let what = "the document is not UTF-8 from here on".to_owned();
    problems.add(Problem { position, what, todo: "save it as UTF-8, and keep certificates in PEM".to_owned() });
    Err(problems)
}

fn attempt(text: &str, file: &Arc<FsPath>, problems: &mut Problems) -> Option<Config> {
    let mut add = |mark: yaml::Mark, path: String, what: String, todo: String| {
        let position = Position { file: Arc::clone(file), line: mark.line, column: mark.column, path };
        problems.add(Problem { position, what, todo });
    };
    let (root, defects) = yaml::read(text);
    for defect in defects {
        add(defect.mark, defect.path.to_string(), defect.what, defect.todo);
    }
    let checked = walk::check(&root?, shared());
    for finding in checked.findings {
        add(finding.mark, finding.path.to_string(), finding.what, finding.todo);
    }
    let root = checked.sound?;
    let document: Document = match serde_json::from_value(root.to_json()) {
        Ok(document) => document,
        Err(error) => {
            // What fits the schema fits the types, which a test holds; should they part, nothing is let through.
            let what = format!("the document cannot be used: {error}");
            add(root.mark, String::new(), what, "report this message".to_owned());
            return None;
        }
    };
    let damaged: HashSet<Path> =
        checked.dropped.iter().flat_map(|path| path.parent().into_iter().chain([path.clone()])).collect();
    Some(resolve(&document, Source { root: &root, damaged, file: Arc::clone(file) }, problems))
}
