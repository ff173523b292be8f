//! Text to [`Config`]: read, check against the schema, resolve.

use std::collections::HashSet;
use std::path::Path as FsPath;
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
