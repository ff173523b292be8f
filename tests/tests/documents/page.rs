//! Markdown, as far as the tests have to understand it.

use jadegate_tests::workspace;
use std::fs;
use std::path::{Path, PathBuf};

/// A document, by its path from the top of the checkout.
pub(crate) fn read(path: &str) -> String {
    let full = workspace::root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

/// Every document of the project.
pub(crate) fn all() -> Vec<String> {
    let mut found: Vec<String> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned).into();
    found.extend(files_below("docs", "md"));
    found
}

/// Files with an extension below a folder, sorted, as paths from the top of the checkout.
pub(crate) fn files_below(folder: &str, extension: &str) -> Vec<String> {
    let (root, mut found) = (workspace::root(), Vec::new());
    let mut ahead = vec![root.join(folder)];
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path: PathBuf = entry.expect("entry").path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                ahead.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(from_root(&path, root));
            }
        }
    }
    found.sort();
    found
}

fn from_root(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).expect("below the top").to_string_lossy().into_owned()
}

/// A fenced block: its language, its first line's number, its text.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, Some(language)) => {
                open = Some(Block { language: language.to_owned(), line: number + 2, text: String::new() });
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

/// The rows of all tables: trimmed cells, heads and rules left out. A vertical bar in a cell is not for these pages.
pub(crate) fn rows(page: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = page.lines().collect();
    let is_rule = |line: &str| line.starts_with("|-") || line.starts_with("|:");
    let is_head = |index: usize| lines.get(index + 1).is_some_and(|next| is_rule(next));
    let body =
        lines.iter().enumerate().filter(|(index, line)| line.starts_with('|') && !is_rule(line) && !is_head(*index));
    body.map(|(_, line)| line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands between backquotes.
pub(crate) fn codes(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn blocks_and_tables_are_found() {
    let page = "a\n```yaml\nx: 1\n```\n| a | b |\n|---|---|\n| `c` | d `e` |\n\n```\nz\n```\n";
    let found: Vec<_> = blocks(page).into_iter().map(|block| (block.language, block.line, block.text)).collect();
    assert_eq!(found, [("yaml".to_owned(), 3, "x: 1\n".to_owned()), (String::new(), 10, "z\n".to_owned())]);
    assert_eq!(rows(page), [["`c`", "d `e`"]]);
    assert_eq!(codes("`c` and `d`"), ["c", "d"]);
}
