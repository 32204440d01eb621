//! What is known about files: their own records, and the alerts' evidence.

use serde_json::{Value, json};

use super::entities::Kind;
use crate::tenant::Tenant;

/// What is known of a file by its own record, or by some alert's evidence.
pub(super) fn file(tenant: &Tenant, id: &str) -> Option<Value> {
    let same = |told: &Value| {
        told.as_str()
            .is_some_and(|told| told.eq_ignore_ascii_case(id))
    };
    let mut files = tenant.files.iter();
    let own = files.find(|file| same(&file["sha1"]) || same(&file["sha256"]));
    own.cloned().or_else(|| {
        let mut evidence = tenant.alerts.iter().flat_map(|alert| alert.evidence());
        evidence.find_map(|one| {
            hashed(&one).filter(|file| same(&file["sha1"]) || same(&file["sha256"]))
        })
    })
}

/// The file of a piece of evidence, as this API shows files.
pub(super) fn hashed(evidence: &Value) -> Option<Value> {
    let details = [&evidence["fileDetails"], &evidence["imageFile"]];
    let details = details
        .into_iter()
        .find(|details| details["sha1"].is_string())?;
    Some(json!({
        "sha1": details["sha1"],
        "sha256": details["sha256"],
        "globalPrevalence": 0,
        "globalFirstObserved": evidence["createdDateTime"],
        "globalLastObserved": evidence["createdDateTime"],
        "size": details["fileSize"],
        "fileType": null,
        "isPeFile": false,
        "filePublisher": details["filePublisher"],
        "fileProductName": null,
        "signer": details["signer"],
        "issuer": details["issuer"],
        "signerHash": null,
        "isValidCertificate": false,
        "determinationType": "Unknown",
        "determinationValue": null,
    }))
}

pub(super) fn names(tenant: &Tenant, id: &str) -> Vec<Value> {
    let mut names = Vec::new();
    for evidence in tenant.alerts.iter().flat_map(|alert| alert.evidence()) {
        for details in ["fileDetails", "imageFile"] {
            let name = &evidence[details]["fileName"];
            if Kind::File.is_told_by(&evidence, id) && name.is_string() && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}
