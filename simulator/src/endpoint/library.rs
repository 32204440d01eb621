//! `/api/libraryfiles`: the live response library.

use futures_util::{FutureExt, stream};
use hyper::body::Bytes;
use multer::Multipart;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::body::{incorrect, missing};
use super::list::{Listing, entity};
use super::{admit, invalid, not_found};
use crate::answer::Answer;
use crate::library::LibraryFile;
use crate::request::Request;
use crate::state::State;
use crate::time;
use crate::xdr::Failure;

const MANAGE: &[&str] = &["Library.Manage"];
const LARGEST_FILE: usize = 20 * 1024 * 1024;
const FILES: Listing<LibraryFile> = Listing::new("LibraryFiles", &[]);

/// `segments` are the path's after `/api`.
pub(super) fn answer(
    state: &mut State,
    request: &Request,
    segments: &[&str],
) -> Result<Answer, Failure> {
    let caller = admit(state, request, MANAGE)?;
    match (request.method.as_str(), segments) {
        ("GET", [_]) => {
            let files = &state.tenants[caller.tenant].library;
            FILES.answer(state, caller.tenant, request, files, |file| json!(file))
        }
        ("POST", [_]) => {
            let file = keep(state, caller.tenant, upload(request)?, caller.app)?;
            Ok(entity(200, "LibraryFiles/$entity", json!(file)))
        }
        ("DELETE", [_, name]) => {
            let files = &mut state.tenants[caller.tenant].library;
            let before = files.len();
            files.retain(|file| file.file_name != *name);
            match files.len() == before {
                true => Err(not_found("Library file", name)),
                false => Ok(Answer::empty(204)),
            }
        }
        _ => Err(Failure::no_such_resource()),
    }
}

#[derive(Default)]
struct Upload {
    name: String,
    content: Vec<u8>,
    description: Option<String>,
    parameters_description: Option<String>,
    has_parameters: bool,
    overrides: bool,
}

fn upload(request: &Request) -> Result<Upload, Failure> {
    let content_type = request.header("content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| incorrect())?;
    let body = Bytes::from(request.body.clone());
    let body = stream::once(async move { Ok::<_, multer::Error>(body) });
    let parts = parts(Multipart::new(body, boundary)).now_or_never();
    // The whole body is there, so that nothing has to be waited for.
    let upload = parts.and_then(Result::ok).ok_or_else(incorrect)?;
    if upload.name.is_empty() {
        return Err(missing("file"));
    }
    if upload.content.len() > LARGEST_FILE {
        return Err(invalid("The file is larger than 20 MB"));
    }
    Ok(upload)
}

async fn parts(mut form: Multipart<'_>) -> multer::Result<Upload> {
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await? {
        match field.name().unwrap_or_default() {
            "file" => {
                upload.name = field.file_name().unwrap_or_default().to_owned();
                upload.content = field.bytes().await?.to_vec();
            }
            "Description" => upload.description = Some(field.text().await?),
            "ParametersDescription" => upload.parameters_description = Some(field.text().await?),
            "HasParameters" => upload.has_parameters = is_true(&field.text().await?),
            "OverrideIfExists" => upload.overrides = is_true(&field.text().await?),
            _ => {}
        }
    }
    Ok(upload)
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn keep(
    state: &mut State,
    tenant: usize,
    upload: Upload,
    author: String,
) -> Result<LibraryFile, Failure> {
    let now = time::format(state.clock.stamp());
    let files = &mut state.tenants[tenant].library;
    let same = files.iter().position(|file| file.file_name == upload.name);
    if same.is_some() && !upload.overrides {
        let message = format!("File {} already exists in the library", upload.name);
        return Err(Failure::new(400, "BadRequest", message));
    }
    let sha256 = digest(&SHA256, &upload.content);
    let file = LibraryFile {
        file_name: upload.name,
        sha256: sha256
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        description: upload.description,
        creation_time: same.map_or(now.clone(), |index| files[index].creation_time.clone()),
        last_updated_time: now,
        created_by: author,
        has_parameters: upload.has_parameters,
        parameters_description: upload.parameters_description,
        content: upload.content,
    };
    match same {
        Some(index) => files[index] = file.clone(),
        None => files.push(file.clone()),
    }
    Ok(file)
}
