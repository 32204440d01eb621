//! `call_tool`: many operations behind one function, as the tools of an agent gateway.
//!
//! Made for the Lambda targets of Amazon Bedrock AgentCore Gateway,
//! <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>. The payload is what the agent wrote,
//! and never says which operation it is for: that is in Lambda's client context, which only those set who may invoke the function.

mod caller;
mod events;
mod named;

pub use caller::Caller;
pub use events::serve;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    call::{Call, Invocation},
    client::Room,
    config::Config,
    error::{Code, Error, Result},
    function::{Function, Trigger},
    input::Input,
    operation::{Answer, Entry, Group, Operation, Permissions},
    operations,
};

/// What a tool answers at most. The gateway would carry 6 MB, as text inside of JSON, but an agent reads all that it is given.
pub const ROOM: Room = Room {
    bytes: 256 * 1024,
    escaped: true,
};

/// The line of the table that `call_tool` would have: what fails before an operation is found is logged as its failure.
pub static CALL_TOOL: Entry = Entry::of::<CallTool>();

#[derive(Deserialize, JsonSchema)]
struct CallTool {}

impl Operation for CallTool {
    type Answers = serde_json::Value;

    const NAME: &'static str = "call_tool";
    const SUMMARY: &'static str = "Run the operation that an agent gateway names as its tool";
    const GROUP: Group = Group::Agents;
    const ROUTE: (&'static str, &'static str) = ("POST", "/tools");
    const TENANT_IS_SUBJECT: bool = true;
    const PERMISSIONS: Permissions = Permissions::none();

    async fn run(self, _: &Call<'_>) -> Result<Answer> {
        Err(Error::new(Code::Internal, "No tool was named."))
    }
}

/// Whether agents may call an operation that `AGENT_TOOLS` does not name: what reads, but for our own set-up and its records, and for
/// what answers a link by which anybody gets what an action brought.
pub fn is_served(entry: &Entry) -> bool {
    entry.reads()
        && match entry.group {
            Group::Token | Group::Tenants | Group::Collecting => false,
            Group::Actions => matches!(entry.name, "list_actions" | "get_action"),
            _ => true,
        }
}

/// The operations that agents may call.
#[derive(Debug)]
pub struct Tools {
    function: Function,
    named: Vec<&'static Entry>,
}

impl Tools {
    /// Does before the first call what it would wait for otherwise, as [`Function::start`] does.
    pub async fn start(config: Config) -> Result<Self> {
        let named = named::named(&config)?;
        let endpoint = config.endpoint.base.clone();
        let function = Function::new(&CALL_TOOL, config)?;
        function.start_for_any(&endpoint).await?;
        Ok(Self { function, named })
    }

    /// Runs the tool that `caller` names on what the agent wrote.
    pub async fn call(
        &self,
        caller: &Caller,
        payload: &str,
        invocation: Invocation<'_>,
    ) -> Result<Answer> {
        let trigger = trigger(Some(caller));
        let Some(entry) = operations::find(caller.operation()) else {
            let error = unknown(caller.operation());
            return self.function.run(Err(error), invocation, trigger).await;
        };
        let input = match self.serves(entry) {
            true => Input::from_json(payload),
            false => Err(not_served(entry)),
        };
        let function = self.function.of(entry);
        function.run(input, invocation, trigger).await
    }

    /// Logs a call that names no tool, and returns why it fails.
    pub async fn refuse(&self, error: Error, invocation: Invocation<'_>) -> Result<Answer> {
        let trigger = trigger(None);
        self.function.run(Err(error), invocation, trigger).await
    }

    fn serves(&self, entry: &Entry) -> bool {
        is_served(entry) || self.named.iter().any(|named| named.name == entry.name)
    }
}

fn trigger(caller: Option<&Caller>) -> Trigger<'_> {
    Trigger {
        kind: "agent",
        record: None,
        principal: None,
        caller,
    }
}

fn unknown(name: &str) -> Error {
    let detail = format!(
        "There is no tool {name:?}. The gateway's target has to be made with the tools of this version, which `cargo local tools` prints."
    );
    Error::new(Code::NotFound, detail)
}

fn not_served(entry: &Entry) -> Error {
    let name = entry.name;
    let detail = format!(
        "Agents may not call {name}; nothing was sent. Whoever runs this function allows it by naming it in AGENT_TOOLS (the template's \
         AgentTools)."
    );
    Error::new(Code::Refused, detail)
}

/// What a gateway hands to an agent of a tool that failed. An error of the function would be hidden: unless a gateway is debugged, it
/// says of one no more than that it happened,
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-debug-messages.html>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    content: [Content; 1],
    is_error: bool,
}

#[derive(Serialize)]
struct Content {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
}

impl Failed {
    fn by(error: &Error) -> Self {
        let content = Content {
            kind: "text",
            text: error.to_json(),
        };
        Self {
            content: [content],
            is_error: true,
        }
    }
}
