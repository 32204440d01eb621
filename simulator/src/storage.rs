//! The storage behind the Endpoint API's download links, `/_storage/...`: signed links in, bytes out, no token wanted.

use std::io::{Cursor, Write};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hyper::body::Bytes;
use md5::{Digest, Md5};
use ring::hmac;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::action::{Action, ticks};
use crate::answer::Answer;
use crate::request::Request;
use crate::state::{State, guid};
use crate::tenant::Tenant;
use crate::time;

/// What signs the links of one simulator.
pub(crate) struct Signer(hmac::Key);

impl Signer {
    pub fn new() -> Signer {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new());
        Signer(key.expect("the operating system gives random bytes"))
    }

    fn sign(&self, path: &str, expiry: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{path}\n{expiry}").as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(tag)
    }
}

/// A link to an investigation package.
pub(crate) fn package_link(state: &State, tenant: &Tenant, action_id: &str) -> String {
    link(
        state,
        tenant,
        &format!("/_storage/packages/{action_id}.zip"),
    )
}

/// A link to what a command of a live response brought.
pub(crate) fn result_link(state: &State, tenant: &Tenant, action_id: &str, index: usize) -> String {
    link(
        state,
        tenant,
        &format!("/_storage/results/{action_id}/{index}"),
    )
}

fn link(state: &State, tenant: &Tenant, path: &str) -> String {
    let expiry = time::format(state.clock.now() + ticks(tenant.link_lifetime));
    let signature = state.signer.sign(path, &expiry);
    let expiry = expiry.replace(':', "%3A");
    format!(
        "{}{path}?sp=r&sr=b&se={expiry}&sig={signature}",
        state.origin
    )
}

/// Answers a call below `/_storage`.
pub(crate) fn answer(state: &State, request: &Request, segments: &[&str]) -> Answer {
    // A signed link with a token besides is refused by Azure's storage.
    if request.header("authorization").is_some() || !is_signed(state, request) {
        return failed(403, "AuthenticationFailed", state);
    }
    let found = match segments {
        ["packages", name] => name.strip_suffix(".zip").and_then(|id| package(state, id)),
        ["results", id, index] => result(state, id, index),
        _ => None,
    };
    match found {
        Some((kind, bytes)) if request.method == "GET" => {
            let digest = BASE64_STANDARD.encode(Md5::digest(&bytes));
            Answer::new(200, kind, Bytes::from(bytes))
                .header("content-md5", digest)
                .header("x-ms-request-id", guid())
        }
        Some(_) => failed(405, "UnsupportedHttpVerb", state),
        None => failed(404, "BlobNotFound", state),
    }
}

fn is_signed(state: &State, request: &Request) -> bool {
    let expiry = request.parameter("se").unwrap_or_default();
    let lives = time::parse(expiry).is_some_and(|end| state.clock.now() < end);
    lives && request.parameter("sig") == Some(&state.signer.sign(&request.path, expiry))
}

fn failed(status: u16, code: &str, state: &State) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>The request was refused.\nRequestId:{}\nTime:{}</Message></Error>",
        guid(),
        time::format(state.clock.now()),
    );
    Answer::new(status, "application/xml", body).header("x-ms-error-code", code)
}

fn find<'s>(state: &'s State, id: &str) -> Option<(&'s Tenant, &'s Action)> {
    let mut tenants = state.tenants.iter();
    tenants.find_map(|tenant| {
        let action = tenant.actions.iter().find(|action| action.id == id)?;
        Some((tenant, action))
    })
}

fn package(state: &State, id: &str) -> Option<(&'static str, Vec<u8>)> {
    let (tenant, action) = find(state, id)?;
    let about = format!(
        "Device: {}\nCollected: {}\n",
        action.computer_dns_name,
        time::format(action.last_update)
    );
    let entries = |filler| {
        [
            ("About.txt", about.clone().into_bytes()),
            ("Memory.bin", vec![0; filler]),
        ]
    };
    let empty = archive(&entries(0)).len();
    let filler = tenant.package_bytes.saturating_sub(empty);
    Some(("application/zip", archive(&entries(filler))))
}

/// What a script printed, or the archive of a file that was fetched.
fn result(state: &State, id: &str, index: &str) -> Option<(&'static str, Vec<u8>)> {
    let (_, action) = find(state, id)?;
    let command = action.commands.get(index.parse::<usize>().ok()?)?;
    if let Some(path) = command.param("Path") {
        let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
        return Some((
            "application/zip",
            archive(&[(name, path.as_bytes().to_vec())]),
        ));
    }
    let printed = json!({
        "script_name": command.param("ScriptName")?,
        "exit_code": 0,
        "script_output": "Done.\r\n",
        "script_errors": "",
    });
    Some(("application/json", printed.to_string().into_bytes()))
}

fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, options)
            .and_then(|()| Ok(writer.write_all(content)?))
            .expect("writing to memory does not fail");
    }
    let finished = writer.finish();
    finished
        .expect("writing to memory does not fail")
        .into_inner()
}
