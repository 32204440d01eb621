//! Requests to AWS services, signed for the client that is there already: the SDK would bring a client and a start of its own.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningError,
        SigningInstructions, SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4::SigningParams,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    api,
    client::{Kind, Outgoing, Reply, Room, nothing_passes},
    config::AwsService,
    error::{Code, Error, Result, Upstream},
    retry,
};

/// The JSON of a request's body.
pub fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("request bodies are structs with string keys")
}

/// A call in AWS's JSON protocol that may be made any number of times.
pub fn json_request(service: &AwsService, target: &'static str, body: String) -> Result<Outgoing> {
    let version = match service.name {
        "dynamodb" | "sqs" => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    };
    let headers = [("content-type", version), ("x-amz-target", target)];
    post(service, &headers, body)
}

/// A call in AWS's older protocol, a form, that may be made any number of times. It answers XML.
pub fn query_request(service: &AwsService, form: String) -> Result<Outgoing> {
    let form_encoded = "application/x-www-form-urlencoded; charset=utf-8";
    post(service, &[("content-type", form_encoded)], form)
}

fn post(service: &AwsService, headers: &[(&'static str, &str)], body: String) -> Result<Outgoing> {
    let (url, body) = (service.endpoint.clone(), Bytes::from(body));
    let sign = SignableBody::Bytes(&body);
    request(service, Method::POST, url, headers, sign, body.clone())
}

/// A call that may be made any number of times, and is answered with little. `sign` is what is signed of the body.
pub fn request(
    service: &AwsService,
    method: Method,
    url: Url,
    headers: &[(&'static str, &str)],
    sign: SignableBody<'_>,
    body: Bytes,
) -> Result<Outgoing> {
    Ok(Outgoing {
        service: service.name,
        kind: Kind::Read,
        headers: signed(service, method.as_str(), &url, headers, sign)?,
        method,
        url,
        body,
        tries: retry::TRIES,
        passing: nothing_passes,
        room: Room::of(64 * 1024),
    })
}

/// The headers, those of the signature among them. They are secret, as long as the signature is good.
pub fn signed(
    service: &AwsService,
    method: &str,
    url: &Url,
    plain: &[(&'static str, &str)],
    body: SignableBody<'_>,
) -> Result<HeaderMap> {
    let request = SignableRequest::new(method, url.as_str(), plain.iter().copied(), body);
    let instructions = instructions(service, SigningSettings::default(), request)?;
    let mut headers = HeaderMap::new();
    for (name, value) in plain.iter().copied().chain(instructions.headers()) {
        let name: HeaderName = name.parse().map_err(|error| unsigned(service, &error))?;
        let mut value: HeaderValue = value.parse().map_err(|error| unsigned(service, &error))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A link by which whoever has it may GET what is there, as long as `time` and the credentials last.
pub fn presigned(service: &AwsService, url: &Url, time: Duration) -> Result<String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(time);
    let nothing = std::iter::empty();
    let request = SignableRequest::new("GET", url.as_str(), nothing, SignableBody::UnsignedPayload);
    let instructions = instructions(service, settings, request)?;
    let mut link = url.clone();
    for (name, value) in instructions.params() {
        link.query_pairs_mut().append_pair(name, value);
    }
    Ok(link.into())
}

fn instructions(
    service: &AwsService,
    mut settings: SigningSettings,
    request: std::result::Result<SignableRequest<'_>, SigningError>,
) -> Result<SigningInstructions> {
    let identity = Credentials::new(
        &service.access_key_id,
        service.secret_access_key.expose_secret(),
        service
            .session_token
            .as_ref()
            .map(|token| token.expose_secret().to_owned()),
        None,
        "environment",
    )
    .into();
    if service.name == "s3" {
        // S3 alone signs the path as it is sent.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&service.region)
        .name(service.name)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| unsigned(service, &error))?;
    let request = request.map_err(|error| unsigned(service, &error))?;
    let signed = sign(request, &parameters.into()).map_err(|error| unsigned(service, &error))?;
    Ok(signed.into_parts().0)
}

fn unsigned(service: &AwsService, error: &dyn Display) -> Error {
    let name = service.name;
    let detail = format!("A request to {name} could not be signed: {error}.");
    Error::new(Code::Internal, detail)
}

/// AWS's name for what went wrong: `{"__type":"com.amazonaws...#ResourceNotFoundException","message":"..."}`, or in XML
/// `<ErrorResponse><Error><Code>AccessDenied</Code>...`.
pub fn error_kind(reply: &Reply) -> String {
    #[derive(Default, Deserialize)]
    struct AwsError {
        #[serde(default, rename = "__type")]
        kind: String,
    }
    if let Ok(error) = serde_json::from_slice::<AwsError>(&reply.body) {
        return error.kind.rsplit('#').next().unwrap_or_default().to_owned();
    }
    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
    element(text, "Code").unwrap_or_default().to_owned()
}

/// AWS's words for what went wrong, where they are JSON. They may quote what was sent.
pub fn error_message(reply: &Reply) -> String {
    #[derive(Default, Deserialize)]
    struct AwsError {
        #[serde(default, alias = "Message")]
        message: Option<String>,
    }
    let error: AwsError = serde_json::from_slice(&reply.body).unwrap_or_default();
    error.message.unwrap_or_default()
}

/// What stands in the first XML element of that name, where it is plain text.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    (!text.contains(['<', '&'])).then_some(text)
}

/// Who answered with an error, for the problem document.
pub fn upstream(service: &'static str, reply: &Reply) -> Upstream {
    Upstream {
        service,
        status: Some(reply.status.as_u16()),
        code: Some(error_kind(reply)).filter(|kind| !kind.is_empty()),
        request_id: api::request_id(&reply.headers),
    }
}

/// Whether it is one of AWS's names for being asked too often.
pub fn is_throttle(kind: &str) -> bool {
    matches!(
        kind,
        "KmsThrottled"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "Throttling"
            | "ThrottlingException"
    )
}

/// The error of a throttle, which AWS answers with a 400 and without saying for how long.
pub fn throttled(reply: &Reply, service: &'static str) -> Option<Error> {
    is_throttle(&error_kind(reply)).then(|| {
        let detail = format!("AWS is asked too often ({service}). Wait a moment, then repeat.");
        Error::new(Code::Throttled, detail)
            .from_upstream(upstream(service, reply))
            .after(Duration::from_secs(1))
    })
}
