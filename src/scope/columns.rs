//! The tables of a scope as Arrow columns: as `docs/scope.md` documents them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;

use super::event::Detail;
use super::objects::ObjectRow;
use super::outcome::Actor;
use super::request::Request;
use crate::error::Result;

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(nullable)?)
}

fn text<'r, T>(rows: &'r [T], of: impl Fn(&'r T) -> Option<&'r str>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

fn number<T>(rows: &[T], of: impl Fn(&T) -> Option<u64>) -> ArrayRef {
    let number = |row| of(row).map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    Arc::new(rows.iter().map(number).collect::<Int64Array>())
}

fn time<T>(rows: &[T], of: impl Fn(&T) -> Option<i64>) -> ArrayRef {
    let times: TimestampMicrosecondArray = rows.iter().map(of).collect();
    Arc::new(times.with_timezone("UTC"))
}

fn list<'r, T, I: IntoIterator<Item = &'r str>>(
    rows: &'r [T],
    of: impl Fn(&'r T) -> I,
) -> Result<ArrayRef> {
    let lists: Vec<Vec<&str>> = rows.iter().map(|row| of(row).into_iter().collect()).collect();
    let items: ArrayRef =
        Arc::new(lists.iter().flatten().copied().map(Some).collect::<StringArray>());
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
}

fn texts<'r>(of: impl IntoIterator<Item = &'r String>) -> Vec<&'r str> {
    of.into_iter().map(String::as_str).collect()
}

/// `timeline.parquet`.
///
/// # Errors
/// Arrow's, if the columns do not fit together; that would be a bug.
pub fn timeline_batch(requests: &[Request]) -> Result<RecordBatch> {
    batch(vec![
        ("event_time", time(requests, |r| Some(r.time))),
        ("actor", text(requests, |r| Some(&r.actor))),
        ("matched_by", text(requests, |r| Some(r.reason.as_str()))),
        ("event_source", text(requests, |r| Some(&r.event.source))),
        ("event_name", text(requests, |r| Some(&r.event.name))),
        ("error_code", text(requests, |r| r.event.error_code.as_deref())),
        ("bucket", text(requests, |r| r.event.bucket.as_deref())),
        ("bucket_owner_account", text(requests, |r| r.event.bucket_owner.as_deref())),
        ("object_key", text(requests, |r| r.event.object_key.as_deref())),
        ("version_id", text(requests, |r| r.event.version_id.as_deref())),
        ("copy_source", text(requests, |r| r.event.detail(Detail::CopySource))),
        ("range", text(requests, |r| r.event.detail(Detail::Range))),
        ("bytes_in", number(requests, |r| r.event.bytes_in)),
        ("bytes_out", number(requests, |r| r.event.bytes_out)),
        ("issued_access_key_id", text(requests, |r| r.event.detail(Detail::IssuedKey))),
        ("access_key_id", text(requests, |r| r.event.access_key.as_deref())),
        ("principal", text(requests, |r| r.event.principal.as_deref())),
        ("principal_type", text(requests, |r| r.event.principal_type.as_deref())),
        ("session_name", text(requests, |r| r.event.session_name.as_deref())),
        ("caller_account", text(requests, |r| r.event.caller_account.as_deref())),
        ("invoked_by", text(requests, |r| r.event.invoked_by.as_deref())),
        ("source_ip", text(requests, |r| r.event.source_ip.as_deref())),
        ("user_agent", text(requests, |r| r.event.user_agent.as_deref())),
        ("vpc_endpoint", text(requests, |r| r.event.vpc_endpoint.as_deref())),
        ("auth_method", text(requests, |r| r.event.auth_method.as_deref())),
        ("region", text(requests, |r| r.event.region.as_deref())),
        ("event_category", text(requests, |r| r.event.category.as_deref())),
        ("accounts", list(requests, |r| texts(&r.accounts))?),
        ("event_ids", list(requests, |r| texts(&r.event_ids))?),
        ("shared_event_id", text(requests, |r| r.event.shared_event_id.as_deref())),
        ("object_uri", text(requests, |r| Some(&r.event.object_uri))),
        ("record_number", number(requests, |r| Some(r.event.record_number))),
    ])
}

/// `objects.parquet` and `objects.csv`.
///
/// # Errors
/// Arrow's, if the columns do not fit together; that would be a bug.
pub fn objects_batch(rows: &[ObjectRow]) -> Result<RecordBatch> {
    let span = |row: &ObjectRow| row.used.read_span;
    batch(vec![
        ("actor", text(rows, |r| Some(&r.actor))),
        ("bucket", text(rows, |r| Some(&r.bucket))),
        ("key", text(rows, |r| Some(&r.key))),
        ("version", text(rows, |r| r.version.as_deref())),
        ("reads_ok", number(rows, |r| Some(r.used.reads_ok))),
        ("reads_denied", number(rows, |r| Some(r.used.reads_denied))),
        ("reads_failed", number(rows, |r| Some(r.used.reads_failed))),
        ("heads", number(rows, |r| Some(r.used.heads))),
        ("bytes_out", number(rows, |r| Some(r.used.bytes_out))),
        ("bytes_unknown", number(rows, |r| Some(r.used.bytes_unknown))),
        ("object_size", number(rows, |r| r.size.map(|(size, _)| size))),
        ("size_source", text(rows, |r| r.size.map(|(_, source)| source))),
        ("extent", text(rows, |r| r.extent.map(super::object::Extent::as_str))),
        ("first_read", time(rows, |r| span(r).map(|(first, _)| first))),
        ("last_read", time(rows, |r| span(r).map(|(_, last)| last))),
        ("source_ips", list(rows, |r| texts(&r.used.source_ips))?),
        ("via", list(rows, |r| r.used.via.iter().map(|via| via.as_str()))?),
        ("written_at", time(rows, |r| r.used.written.map(|(time, ..)| time))),
        ("deleted_at", time(rows, |r| r.loss.map(|(time, ..)| time))),
        ("delete_kind", text(rows, |r| r.loss.and_then(|(_, kind, _)| kind.as_str()))),
        ("restorable", text(rows, |r| r.loss.map(|(_, _, left)| left.as_str()))),
        ("principals", list(rows, |r| texts(&r.used.principals))?),
    ])
}

/// `actors.parquet`.
///
/// # Errors
/// Arrow's, if the columns do not fit together; that would be a bug.
pub fn actors_batch(actors: &[Actor]) -> Result<RecordBatch> {
    let seconds = actors.iter().map(|actor| actor.over.quiet_for).collect::<Int64Array>();
    let followed: BooleanArray = actors.iter().map(|actor| Some(actor.is_followed)).collect();
    let issued = |actor: &Actor| actor.issued.as_ref().map(|link| link.time);
    batch(vec![
        ("actor", text(actors, |a| Some(&a.actor))),
        ("parent_key", text(actors, Actor::parent)),
        ("child_key", text(actors, |a| a.access_key.as_deref())),
        ("relation", text(actors, |a| Some(a.relation.as_str()))),
        ("followed", Arc::new(followed)),
        ("issuing_event_id", text(actors, |a| a.issued.as_ref()?.event_id.as_deref())),
        ("issuing_event_name", text(actors, |a| Some(a.issued.as_ref()?.event_name.as_str()))),
        ("issued_at", time(actors, issued)),
        ("issued_in_account", text(actors, |a| a.issued.as_ref()?.account.as_deref())),
        ("issued_to", text(actors, |a| a.issued.as_ref()?.principal.as_deref())),
        ("expires", time(actors, |a| a.over.expires)),
        ("principals", list(actors, |a| texts(&a.activity.principals))?),
        ("session_names", list(actors, |a| texts(&a.activity.session_names))?),
        ("accounts", list(actors, |a| texts(&a.activity.accounts))?),
        ("source_ips", list(actors, |a| texts(&a.activity.source_ips))?),
        ("first_seen", time(actors, |a| a.activity.span.map(|(first, _)| first))),
        ("last_seen", time(actors, |a| a.activity.span.map(|(_, last)| last))),
        ("request_count", number(actors, |a| Some(a.activity.requests))),
        ("error_count", number(actors, |a| Some(a.activity.errors))),
        ("objects_read", number(actors, |a| Some(a.sum.objects_read))),
        ("bytes_out", number(actors, |a| Some(a.sum.bytes_out))),
        ("horizon", time(actors, |a| a.over.horizon)),
        ("quiet_for", Arc::new(seconds)),
        ("status", text(actors, |a| Some(a.over.status?.as_str()))),
        ("ended", time(actors, |a| a.over.ended)),
        ("containment", list(actors, |a| texts(&a.over.containment))?),
        ("still_running", list(actors, |a| texts(&a.over.still_running))?),
    ])
}
