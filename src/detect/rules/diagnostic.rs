//! What is wrong with a rule, and where.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiagnosticLevel {
    /// The rule does not run.
    #[default]
    Error,
    /// The rule runs, though perhaps not as meant.
    Warning,
}

/// Something is wrong with a rule; the others run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Diagnostic {
    /// The detector file.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1.
    pub column: usize,
    /// A slug for the kind of fault.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether the rule runs nevertheless.
    pub level: DiagnosticLevel,
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
        Self {
            file: file.to_owned(),
            line,
            column,
            code,
            message: message.into(),
            help: None,
            level: DiagnosticLevel::Error,
        }
    }

    /// The same for a rule that runs nevertheless.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.level = DiagnosticLevel::Warning;
        self
    }

    /// Whether the rule does not run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == DiagnosticLevel::Error
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
