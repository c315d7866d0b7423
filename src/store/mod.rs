//! Bytes by name: list, read, write whole, on this machine or in S3. This room knows nothing of
//! logs.

mod folder;
mod local;
mod location;
mod s3;

pub use folder::Folder;
pub use local::{
    Found, Listed, Root, Skipped, escaped_name, list, names, read_into, remove, replace, uri,
};
pub use location::{Location, S3Uri};
pub use s3::{
    Access, Bucket, Budget, Entry, Fault, FaultKind, ListedPage, Page, Pages, Requests, S3,
    S3Reader, Stored, Unit,
};
