//! Events that are larger than the sink takes: put to S3, with a pointer in their place.

use serde::Serialize;

use super::{Batch, digest_of_id, objects};
use crate::{
    call::Call,
    collect::event::{Event, Head},
    error::Result,
};

/// What is known of an event, without its item.
#[derive(Serialize)]
struct Pointer<'a> {
    #[serde(flatten)]
    head: &'a Head,
    #[serde(flatten)]
    item: Item<'a>,
}

/// What became of the item.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Item<'a> {
    /// The whole event is in this object.
    Parked {
        bucket: &'a str,
        key: &'a str,
        bytes: usize,
    },
    /// There was nowhere to put it.
    Omitted { bytes: usize },
}

/// Parks an event, where there is a bucket for it, and returns the JSON that points to it. The same event again replaces it.
pub async fn park(call: &Call<'_>, batch: &Batch<'_>, event: &Event) -> Result<Option<String>> {
    let Some(bucket) = &call.app.config.collecting.parking else {
        return Ok(None);
    };
    let (tenant, stream, id) = (batch.tenant, batch.stream, digest_of_id(event));
    let key = format!("{tenant}/{stream}/{id}.json");
    let body = event.body.clone().into_bytes();
    objects::put(call, bucket, &key, "application/json", body).await?;
    let item = Item::Parked {
        bucket: &bucket.name,
        key: &key,
        bytes: event.body.len(),
    };
    Ok(Some(pointer(event, item)))
}

/// The event's JSON with the size of the item in place of the item.
pub fn omitted(event: &Event) -> String {
    let bytes = event.body.len();
    pointer(event, Item::Omitted { bytes })
}

fn pointer(event: &Event, item: Item<'_>) -> String {
    let head = &event.head;
    crate::aws::json(&Pointer { head, item })
}
