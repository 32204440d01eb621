//! EventBridge: a bus event's `detail` is the input; a "Scheduled Event" is the empty input at its own `time`.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use lambda_runtime::Context;
use serde_json::value::RawValue;

use super::{REPLY, Reply, invocation, trigger};
use crate::{call::Invocation, error::Result, function::Function, input::Input, time::Timestamp};

pub async fn handle(
    function: &Function,
    event: EventBridgeEvent<Box<RawValue>>,
    context: &Context,
) -> Result<Reply> {
    let time = event.time.and_then(|time| {
        Timestamp::new(time.timestamp(), time.timestamp_subsec_nanos() as i32).ok()
    });
    let (kind, input, now) = match event.detail_type.as_str() {
        "Scheduled Event" => ("schedule", Ok(Input::default()), time),
        _ => ("bus", Input::from_json(event.detail.get()), time),
    };
    let invocation = invocation(context, REPLY);
    let invocation = Invocation {
        now: now.unwrap_or(invocation.now),
        ..invocation
    };
    let answer = function.run(input, invocation, trigger(kind)).await?;
    Ok(Reply::Answer(answer.into_raw()))
}
