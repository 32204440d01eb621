//! The live response library: the scripts and tools that live response can run on devices and put there.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/list-library-files>

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Method};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    answers,
    change::answered,
    ids::FileName,
    lookup::{self, lookup},
};
use crate::{
    call::{Call, Object},
    error::Result,
    operation::{Answer, Group, Operation, Permissions},
};

const MANAGE: Permissions = Permissions::endpoint(&["Library.Manage"]);

lookup! {
    /// `GET libraryfiles`: <https://learn.microsoft.com/defender-endpoint/api/list-library-files>.
    ListLibraryFiles {}
    "list_library_files": "List the files in the live response library";
    Library, "/library", MANAGE;
    |_of| list LibraryFile ["libraryfiles"]
}

/// `POST libraryfiles`: <https://learn.microsoft.com/defender-endpoint/api/upload-library>. Answers the file's entry.
///
/// Microsoft takes files of up to 20 MB. What reaches a Lambda function is at most 6 MB, which is about 4.4 MB of content in Base64 (through a
/// load balancer 1 MB and 0.7 MB); larger files go by the portal.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadLibraryFile {
    file_name: FileName,
    content: Content,
    /// What the file is for.
    description: Option<String>,
    /// What the script's parameters mean.
    parameters_description: Option<String>,
    /// Whether the script takes parameters.
    has_parameters: Option<bool>,
    /// Whether to replace a file of that name.
    #[serde(rename = "override")]
    overrides: Option<bool>,
}

impl Operation for UploadLibraryFile {
    type Answers = answers::LibraryFile;

    const NAME: &'static str = "upload_library_file";
    const SUMMARY: &'static str = "Put a script or a tool into the live response library";
    const GROUP: Group = Group::Library;
    const ROUTE: (&'static str, &'static str) = ("POST", "/library");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = MANAGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let told = |told: bool| if told { "true" } else { "false" };
        let fields = [
            ("Description", self.description.as_deref()),
            (
                "ParametersDescription",
                self.parameters_description.as_deref(),
            ),
            ("HasParameters", self.has_parameters.map(told)),
            ("OverrideIfExists", self.overrides.map(told)),
        ];
        let (content_type, body) = form(&fields, self.file_name.as_str(), &self.content.0);
        let sent = call
            .change_with(&["libraryfiles"], content_type, body)
            .await?;
        let Object(file) = answered(
            sent,
            "`list_library_files` shows whether it is there. Repeating it with `override` is safe: it puts the same file there again.",
        )?;
        Ok(Answer::unread(file))
    }
}

/// `DELETE libraryfiles/{fileName}`: <https://learn.microsoft.com/defender-endpoint/api/delete-library>.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteLibraryFile {
    file_name: FileName,
}

/// The file that was deleted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DeletedFile")]
pub struct Deleted<'a> {
    file_name: &'a str,
    deleted: bool,
}

impl Operation for DeleteLibraryFile {
    type Answers = Deleted<'static>;

    const NAME: &'static str = "delete_library_file";
    const SUMMARY: &'static str = "Delete a file from the live response library";
    const GROUP: Group = Group::Library;
    const ROUTE: (&'static str, &'static str) = ("DELETE", "/library/{fileName}");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = MANAGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let path = ["libraryfiles", self.file_name.as_str()];
        let sent = call
            .change_silently(Method::DELETE, &path, None::<&()>)
            .await?;
        answered(
            sent,
            "Repeating it is safe: a file that is gone is not found.",
        )?;
        Ok(Answer::of(&Deleted {
            file_name: self.file_name.as_str(),
            deleted: true,
        }))
    }
}

/// The bytes of a file, given in Base64.
#[derive(JsonSchema)]
#[schemars(extend("contentEncoding" = "base64", "pattern" = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$"))]
struct Content(#[schemars(with = "String")] Vec<u8>);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match BASE64_STANDARD.decode(text) {
            Ok(bytes) if bytes.is_empty() => Err(D::Error::custom("the file is empty")),
            Ok(bytes) => Ok(Self(bytes)),
            Err(error) => Err(D::Error::custom(format!("not Base64: {error}"))),
        }
    }
}

/// `multipart/form-data`, as RFC 7578 has it: what comes before the body in the headers, and the body.
fn form(fields: &[(&str, Option<&str>)], name: &str, content: &[u8]) -> (HeaderValue, Vec<u8>) {
    let boundary = loop {
        let boundary = format!("{:032x}", fastrand::u128(..));
        let is_in = |bytes: &[u8]| {
            bytes
                .windows(boundary.len())
                .any(|part| part == boundary.as_bytes())
        };
        let texts = fields.iter().filter_map(|(_, text)| *text);
        if !is_in(content) && !texts.map(str::as_bytes).any(is_in) {
            break boundary;
        }
    };
    let mut body = Vec::with_capacity(content.len() + 1024);
    let mut part = |disposition: &str, content: &[u8]| {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    };
    for (field, text) in fields {
        if let Some(text) = text {
            part(&format!("name=\"{field}\""), text.as_bytes());
        }
    }
    let file =
        format!("name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream");
    part(&file, content);
    body.extend(format!("--{boundary}--\r\n").bytes());
    let content_type = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"))
        .expect("hexadecimal digits fit into a header");
    (content_type, body)
}
