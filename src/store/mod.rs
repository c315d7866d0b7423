//! Bytes by name: list, read, write whole. Local folders for now; object stores stand beside them
//! later. This room knows nothing of logs.

mod local;

pub use local::{
    Found, Listed, Root, Skipped, create_new, escaped_name, list, names, read_into, remove,
    replace, uri,
};
