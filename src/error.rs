//! What can go wrong, in three kinds. [`Error`]: the run cannot start or go on. A bad *datum* is
//! no error but a [`crate::decode::Rejected`] or an [`crate::decode::Outcome`]; a bad *rule* is a
//! [`crate::detect::rules::Diagnostic`].

use std::path::{Path, PathBuf};

use crate::store::Fault;

/// The run cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The arguments contradict each other or name something that is not there.
    #[error("{0}")]
    Usage(String),
    /// A bucket or an object in it could not be listed, read or written.
    #[error("{uri}: {reason}")]
    S3 {
        /// `s3://bucket/key`.
        uri: String,
        /// What S3 said, and what to do.
        reason: String,
    },
    /// A table written by a partial run cannot be used.
    #[error("{}: {reason}", path.display())]
    Table {
        /// The Parquet or JSON file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A state cannot be used, or was changed by another run.
    #[error("{}: {reason}", path.display())]
    State {
        /// Its folder, or a file in it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Arrow refused an array; a bug in trailsift.
    #[error("internal: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Parquet could not be encoded or decoded.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The worker threads could not be started.
    #[error("cannot start worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A shipped detector does not load; a bug in trailsift.
    #[error("shipped detector: {0}")]
    Detector(String),
    /// A finding's JSON form could not be written.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Wraps an operating-system error with the path that it concerns.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// Wraps what S3 said with the object that it concerns.
    pub fn s3(uri: impl Into<String>) -> impl FnOnce(Fault) -> Self {
        let uri = uri.into();
        move |fault| Self::S3 { uri, reason: fault.to_string() }
    }

    /// Says that the state at `path` cannot be used.
    pub fn state(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::State { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }

    /// Says that the table at `path` cannot be used.
    pub fn table(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Table { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
}

/// A result whose error ends the run.
pub type Result<T, E = Error> = std::result::Result<T, E>;
