//! What is wrong with a rule, or with a file beside the rules, and where.

use std::fmt;

/// Whether a diagnostic keeps anything from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rule does not run.
    Error,
    /// It runs, and may not do what is meant.
    Warning,
}

impl Level {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A rule is bad; the others run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Diagnostic {
    /// The detector file.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1.
    pub column: usize,
    /// Whether the rule runs.
    pub severity: Level,
    /// A slug for the kind of fault.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A fault of the whole file.
    pub fn of_file(file: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::at(file, (1, 1), code, message)
    }

    /// A fault at (line, column).
    pub fn at(
        file: &str,
        (line, column): (usize, usize),
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let (severity, message) = (Level::Error, message.into());
        Self { file: file.to_owned(), line, column, severity, code, message, help: None }
    }

    /// The same, but nothing is kept from running by it.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Level::Warning;
        self
    }

    /// Whether the rule does not run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Level::Error
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, code, message, help, .. } = self;
        write!(f, "{file}:{line}:{column}: {code}: {message}")?;
        help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}
