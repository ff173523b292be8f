//! What a check found, for people and for programs.

use std::io;
use std::path::Path;

use jadegate_config::{Config, Position, Problem, Problems};
use serde::Serialize;

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Good,
    Problems,
    Unreadable,
}

/// One file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    file: String,
    pub(super) verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    problems: Vec<Note>,
    #[serde(skip_serializing_if = "is_zero")]
    problems_omitted: usize,
    warnings: Vec<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<Holds>,
}

/// How much a good configuration holds.
#[derive(Debug, Serialize)]
struct Holds {
    listeners: usize,
    chains: usize,
    backends: usize,
    secrets: usize,
}

/// A problem or a warning.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    file: String,
    line: usize,
    column: usize,
    path: String,
    /// Label of the secret that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Stable word for the kind of problem of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    what: String,
    todo: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Note {
    pub(super) fn new(position: &Position, what: String, todo: String) -> Self {
        Self {
            file: position.file.display().to_string(),
            line: position.line,
            column: position.column,
            path: position.path.clone(),
            secret: None,
            reason: None,
            what,
            todo,
        }
    }

    pub(super) fn about(self, secret: &str, reason: &'static str) -> Self {
        Self { secret: Some(secret.to_owned()), reason: Some(reason), ..self }
    }

    fn print(&self, kind: &str) {
        let Self { file, line, column, path, what, todo, .. } = self;
        let path = if path.is_empty() { String::new() } else { format!(": {path}") };
        eprintln!("{file}:{line}:{column}{path}\n  {kind}{what}\n  to do: {todo}\n");
    }
}

impl From<&Problem> for Note {
    fn from(problem: &Problem) -> Self {
        Self::new(&problem.position, problem.what.clone(), problem.todo.clone())
    }
}

impl Report {
    pub(super) fn readable(file: &Path, config: &Config, problems: Vec<Note>, warnings: Vec<Note>) -> Self {
        let holds = Holds {
            listeners: config.listeners.len(),
            chains: config.listeners.iter().map(|listener| listener.chains.len()).sum(),
            backends: config.backends.len(),
            secrets: config.secrets.len(),
        };
        let verdict = if problems.is_empty() { Verdict::Good } else { Verdict::Problems };
        Self { problems, warnings, holds: Some(holds), ..Self::empty(file, verdict) }
    }

    pub(super) fn problems(file: &Path, problems: &Problems) -> Self {
        Self {
            problems: problems.iter().map(Note::from).collect(),
            problems_omitted: problems.omitted(),
            ..Self::empty(file, Verdict::Problems)
        }
    }

    pub(super) fn unreadable(file: &Path, error: &anyhow::Error) -> Self {
        Self { error: Some(format!("{error:#}")), ..Self::empty(file, Verdict::Unreadable) }
    }

    fn empty(file: &Path, verdict: Verdict) -> Self {
        Self {
            file: file.display().to_string(),
            verdict,
            error: None,
            problems: Vec::new(),
            problems_omitted: 0,
            warnings: Vec::new(),
            holds: None,
        }
    }

    /// Good news on standard output, everything else on standard error.
    pub(super) fn print(&self) -> io::Result<()> {
        if let Some(error) = &self.error {
            eprintln!("{error}");
        }
        self.problems.iter().for_each(|note| note.print(""));
        self.warnings.iter().for_each(|note| note.print("warning: "));
        let count = self.problems.len() + self.problems_omitted;
        let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        match (self.verdict, &self.holds) {
            (Verdict::Problems, _) => {
                eprintln!("{}: {}", self.file, plural(count, "problem"));
                if self.problems_omitted > 0 {
                    eprintln!("  ({} are not shown)", self.problems_omitted);
                }
                Ok(())
            }
            (Verdict::Good, Some(Holds { listeners, chains, backends, secrets })) => crate::output::line(&format!(
                "{}: good ({}, {}, {}, {})",
                self.file,
                plural(*listeners, "listener"),
                plural(*chains, "chain"),
                plural(*backends, "backend"),
                plural(*secrets, "secret"),
            )),
            _ => Ok(()),
        }
    }
}
