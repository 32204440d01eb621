//! SQS: each record's body is an input, and each record fails by itself.

use std::collections::HashSet;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Context;

use super::{REPLY, Reply, invocation, trigger};
use crate::{
    error::{Code, Error, Result},
    function::{Function, Trigger},
    input::Input,
};

/// Runs the records in their order and names the ones to deliver again; a record that can never succeed is among them, so that the
/// queue's redrive policy moves it to the dead-letter queue. In a FIFO queue, nothing overtakes a failed record of its group.
pub async fn handle(function: &Function, event: SqsEvent, context: &Context) -> Result<Reply> {
    let mut response = SqsBatchResponse::default();
    let mut failed_groups = HashSet::new();
    for record in &event.records {
        let invocation = invocation(context, REPLY);
        let Some(id) = record.message_id.as_deref() else {
            // Without an id it cannot be named, so the whole batch has to come again.
            let error = Error::new(
                Code::InvalidInput,
                "The payload has `Records` that are no SQS messages.",
            );
            return function
                .run(Err(error), invocation, trigger("queue"))
                .await
                .map(|_| Reply::Queue(response));
        };
        let group = record.attributes.get("MessageGroupId");
        let input = if group.is_some_and(|group| failed_groups.contains(group)) {
            Err(Error::new(
                Code::Conflict,
                "The record waits behind a failed one of its message group.",
            ))
        } else if invocation.deadline.has_passed() {
            Err(Error::new(
                Code::DeadlineExceeded,
                "No time was left for this record of the batch. It will come again.",
            ))
        } else {
            Input::from_json(record.body.as_deref().unwrap_or_default())
        };
        let trigger = Trigger {
            record: Some(id),
            ..trigger("queue")
        };
        if function.run(input, invocation, trigger).await.is_err() {
            response.add_failure(id);
            failed_groups.extend(group);
        }
    }
    Ok(Reply::Queue(response))
}
