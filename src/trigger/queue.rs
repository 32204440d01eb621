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
        let Some(id) = record.message_id.as_deref() else {
            // Without an id it cannot be named, so the whole batch has to come again.
            return Err(Error::new(
                Code::InvalidInput,
                "The payload has `Records` that are no SQS messages.",
            ));
        };
        let group = record.attributes.get("MessageGroupId");
        let held_back = group.is_some_and(|group| failed_groups.contains(group));
        let invocation = invocation(context, REPLY);
        let succeeded = !held_back && !invocation.deadline.has_passed() && {
            let input = Input::from_json(record.body.as_deref().unwrap_or_default());
            let trigger = Trigger {
                record: Some(id),
                ..trigger("queue", context)
            };
            function.run(input, invocation, trigger).await.is_ok()
        };
        if !succeeded {
            response.add_failure(id);
            failed_groups.extend(group);
        }
    }
    Ok(Reply::Queue(response))
}
