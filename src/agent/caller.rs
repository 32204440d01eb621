//! Who calls a tool, and which: what an agent gateway puts into Lambda's client context.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Code, Error, Result};

/// What stands between the name of a gateway's target and that of its tool.
const DELIMITER: &str = "___";

/// A tool, and the call of it as the gateway knows it.
#[derive(Debug, Deserialize)]
pub struct Caller {
    /// `<target>___<operation>`.
    #[serde(rename = "bedrockAgentCoreToolName")]
    pub tool: String,
    #[serde(default, rename = "bedrockAgentCoreGatewayId", deserialize_with = "id")]
    pub gateway_id: Option<String>,
    #[serde(default, rename = "bedrockAgentCoreTargetId", deserialize_with = "id")]
    pub target_id: Option<String>,
    /// The gateway's request.
    #[serde(
        default,
        rename = "bedrockAgentCoreAwsRequestId",
        deserialize_with = "id"
    )]
    pub request_id: Option<String>,
    /// The agent's message, as it numbered or named it.
    #[serde(
        default,
        rename = "bedrockAgentCoreMcpMessageId",
        deserialize_with = "id"
    )]
    pub message_id: Option<String>,
}

/// What else is in there is not looked at: the gateway adds headers, as an object, where a target lets them through.
#[derive(Deserialize)]
struct ClientContext {
    custom: Caller,
}

impl Caller {
    /// Out of the header `Lambda-Runtime-Client-Context`.
    pub fn read(header: Option<&[u8]>) -> Result<Self> {
        let said = header.unwrap_or_default();
        serde_json::from_slice(said)
            .map(|context: ClientContext| context.custom)
            .map_err(|error| {
                let found = match said {
                    [] => "has none".to_owned(),
                    _ => format!("has one without it: {error}"),
                };
                let detail = format!(
                    "call_tool is for an agent gateway, which says in Lambda's client context which tool it is \
                     (`bedrockAgentCoreToolName`). This invocation {found}. To run one operation, invoke its own function."
                );
                Error::new(Code::InvalidInput, detail)
            })
    }

    /// The name of the operation that the tool is. No operation's name has the delimiter in it, whatever a target's has.
    pub fn operation(&self) -> &str {
        let tool = self.tool.as_str();
        tool.rsplit_once(DELIMITER)
            .map_or(tool, |(_, operation)| operation)
    }
}

/// A text, or a number as a text: either may be the id of a message.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(tool: &str) -> String {
        let header = format!(r#"{{"custom": {{"bedrockAgentCoreToolName": "{tool}"}}}}"#);
        let caller = Caller::read(Some(header.as_bytes())).unwrap();
        caller.operation().to_owned()
    }

    #[test]
    fn the_operation_is_what_follows_the_last_delimiter() {
        for tool in [
            "defender___get_alert",
            "my_xdr__tools___get_alert",
            "a___b___get_alert",
            "get_alert",
        ] {
            assert_eq!(operation(tool), "get_alert");
        }
        assert_eq!(operation("defender___"), "");
        assert_eq!(operation("defender__get_alert"), "defender__get_alert");
    }

    #[test]
    fn ids_may_be_numbers_or_missing_and_other_things_may_be_there() {
        let header = br#"{"client": null, "env": {}, "custom": {"bedrockAgentCoreToolName": "x___get_alert",
            "bedrockAgentCoreMcpMessageId": 24, "bedrockAgentCorePropagatedHeaders": {"x-user": "a"}}}"#;
        let caller = Caller::read(Some(header)).unwrap();
        assert_eq!(caller.message_id.as_deref(), Some("24"));
        assert_eq!(caller.gateway_id, None);
    }

    #[test]
    fn a_context_without_a_tool_says_where_it_belongs() {
        for header in [
            None,
            Some(&b""[..]),
            Some(b"{}"),
            Some(b"{\"custom\": {}}"),
            Some(b"{\"custom\": 7}"),
            Some(b"\xff"),
        ] {
            let error = Caller::read(header).unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput);
            assert!(error.to_string().contains("bedrockAgentCoreToolName"));
        }
    }
}
