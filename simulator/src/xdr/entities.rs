//! Graph's evidence as the XDR API's devices and its flat entity records.

use serde_json::{Map, Value, json};

use super::words::Enum;
use crate::incident::Alert;

/// Every key of an entity record; those that a kind of entity lacks are null.
const KEYS: &[&str] = &[
    "entityType",
    "sha1",
    "sha256",
    "fileName",
    "filePath",
    "processId",
    "processCommandLine",
    "processCreationTime",
    "parentProcessId",
    "parentProcessCreationTime",
    "ipAddress",
    "url",
    "accountName",
    "domainName",
    "userSid",
    "aadUserId",
    "userPrincipalName",
    "mailboxDisplayName",
    "mailboxAddress",
    "clusterBy",
    "sender",
    "recipient",
    "subject",
    "deliveryAction",
    "securityGroupId",
    "securityGroupName",
    "registryHive",
    "registryKey",
    "registryValueType",
    "registryValue",
    "deviceId",
];

/// The devices of an alert and its other entities.
pub(crate) fn of(alert: &Alert) -> (Vec<Value>, Vec<Value>) {
    let (mut devices, mut entities) = (Vec::new(), Vec::new());
    for evidence in &alert.evidence {
        let evidence: Value = serde_json::from_str(evidence.get()).unwrap_or_default();
        let kind = evidence["@odata.type"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match kind.trim_start_matches("#microsoft.graph.security.") {
            "deviceEvidence" => devices.push(device(&evidence)),
            other => entities.extend(entity(other, &evidence)),
        }
    }
    (devices, entities)
}

fn device(evidence: &Value) -> Value {
    let word = |key: &str| evidence[key].as_str().map(|word| Enum::Plain.to_xdr(word));
    json!({
        "mdatpDeviceId": evidence["mdeDeviceId"],
        "aadDeviceId": evidence["azureAdDeviceId"],
        "deviceDnsName": evidence["deviceDnsName"],
        "osPlatform": evidence["osPlatform"],
        "version": evidence["version"],
        "osProcessor": "x64",
        "osBuild": evidence["osBuild"],
        "healthStatus": word("healthStatus"),
        "riskScore": word("riskScore"),
        "rbacGroupName": evidence["rbacGroupName"],
        "rbacGroupId": evidence["rbacGroupId"],
        "firstSeen": evidence["firstSeenDateTime"],
    })
}

/// The record of one piece of evidence, `None` for kinds that this API does not tell.
fn entity(kind: &str, evidence: &Value) -> Option<Value> {
    let (entity_type, pairs): (&str, &[(&str, &str)]) = match kind {
        "fileEvidence" => (
            "File",
            &[
                ("sha1", "/fileDetails/sha1"),
                ("sha256", "/fileDetails/sha256"),
                ("fileName", "/fileDetails/fileName"),
                ("filePath", "/fileDetails/filePath"),
            ],
        ),
        "processEvidence" => (
            "Process",
            &[
                ("sha1", "/imageFile/sha1"),
                ("sha256", "/imageFile/sha256"),
                ("fileName", "/imageFile/fileName"),
                ("filePath", "/imageFile/filePath"),
                ("processId", "/processId"),
                ("processCommandLine", "/processCommandLine"),
                ("processCreationTime", "/processCreationDateTime"),
                ("parentProcessId", "/parentProcessId"),
                (
                    "parentProcessCreationTime",
                    "/parentProcessCreationDateTime",
                ),
                ("accountName", "/userAccount/accountName"),
                ("domainName", "/userAccount/domainName"),
                ("userSid", "/userAccount/userSid"),
                ("userPrincipalName", "/userAccount/userPrincipalName"),
            ],
        ),
        "userEvidence" => (
            "User",
            &[
                ("accountName", "/userAccount/accountName"),
                ("domainName", "/userAccount/domainName"),
                ("userSid", "/userAccount/userSid"),
                ("aadUserId", "/userAccount/azureAdUserId"),
                ("userPrincipalName", "/userAccount/userPrincipalName"),
            ],
        ),
        "ipEvidence" => ("Ip", &[("ipAddress", "/ipAddress")]),
        "urlEvidence" => ("Url", &[("url", "/url")]),
        "mailboxEvidence" => (
            "MailBox",
            &[
                ("mailboxDisplayName", "/displayName"),
                ("mailboxAddress", "/primaryAddress"),
                ("userPrincipalName", "/userAccount/userPrincipalName"),
            ],
        ),
        "analyzedMessageEvidence" => (
            "MailMessage",
            &[
                ("sender", "/p1Sender/emailAddress"),
                ("recipient", "/recipientEmailAddress"),
                ("subject", "/subject"),
                ("deliveryAction", "/deliveryAction"),
            ],
        ),
        "registryKeyEvidence" => (
            "Registry",
            &[
                ("registryHive", "/registryHive"),
                ("registryKey", "/registryKey"),
            ],
        ),
        _ => return None,
    };
    let mut record: Map<String, Value> = KEYS
        .iter()
        .map(|key| ((*key).to_owned(), Value::Null))
        .collect();
    record.insert("entityType".into(), entity_type.into());
    record.insert("deviceId".into(), evidence["mdeDeviceId"].clone());
    for (key, pointer) in pairs {
        record.insert(
            (*key).into(),
            evidence.pointer(pointer).cloned().unwrap_or_default(),
        );
    }
    Some(record.into())
}
