//! Investigation packages, results of live responses, and the library.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use simulator::Status;

use crate::client::*;

const WORKSTATION: &str = "5854058a899368873d73bc05e733beaa4865c8ce";

async fn respond(api: &Api, word: &str, body: Value) -> String {
    let path = format!("/api/machines/{WORKSTATION}/{word}");
    let (status, action) = api.send(Method::POST, &path, body).await;
    assert_eq!(status, 201, "{action}");
    action["id"].as_str().unwrap().to_owned()
}

fn command(kind: &str, key: &str, value: &str) -> Value {
    json!({ "type": kind, "params": [{ "key": key, "value": value }] })
}

async fn package(api: &Api) -> String {
    let action = respond(
        api,
        "collectInvestigationPackage",
        json!({ "Comment": "x" }),
    )
    .await;
    let uri = format!("/api/machineactions/{action}/getPackageUri");
    assert_eq!(api.get(&uri, &[]).await.0, 404);
    api.sim.advance(Duration::from_secs(10));
    let (status, body) = api.get(&uri, &[]).await;
    assert_eq!(status, 200, "{body}");
    let value = body["value"].as_str().unwrap();
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner
        .unwrap_or_else(|| panic!("no quotes around {value}"))
        .to_owned()
}

#[tokio::test]
async fn a_package_is_there_when_its_collection_succeeded_and_needs_no_token() {
    let api = Api::endpoint().await;
    api.sim
        .edit(HARBOURLINE, |tenant| tenant.package_bytes = 20_000);
    let link = package(&api).await;
    let answer = http().get(&link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-length"], "20000");
    assert_eq!(answer.headers()["content-md5"].len(), 24);
    let bytes = answer.bytes().await.unwrap();
    assert_eq!((&bytes[..2], bytes.len()), (b"PK".as_slice(), 20_000));
    let logged = api.sim.requests().pop().unwrap();
    assert!(logged.path.starts_with("/_storage/packages/"));
}

#[tokio::test]
async fn a_link_is_refused_with_a_token_when_changed_and_when_old() {
    let api = Api::endpoint().await;
    let link = package(&api).await;
    let refused = async |request: reqwest::RequestBuilder| {
        let (status, body) = read(request.send().await.unwrap()).await;
        status == 403
            && body
                .as_str()
                .unwrap()
                .contains("<Code>AuthenticationFailed</Code>")
    };
    assert!(refused(http().get(&link).bearer_auth(&api.token)).await);
    assert!(refused(http().get(format!("{link}x"))).await);
    api.sim.advance(Duration::from_secs(599));
    assert!(!refused(http().get(&link)).await);
    api.sim.advance(Duration::from_secs(1));
    assert!(refused(http().get(&link)).await);
}

#[tokio::test]
async fn a_live_response_keeps_each_command_and_links_what_it_brought() {
    let api = Api::endpoint().await;
    let commands = json!([
        command("PutFile", "FileName", "list-autoruns.ps1"),
        command("RunScript", "ScriptName", "list-autoruns.ps1"),
        command("GetFile", "Path", "C:\\Temp\\autoruns.csv"),
    ]);
    let body = json!({ "Comment": "x", "Commands": commands });
    let action = respond(&api, "runliveresponse", body).await;
    let single = format!("/api/machineactions/{action}");
    let (_, pending) = api.get(&single, &[]).await;
    assert_eq!(pending["commands"][2]["commandStatus"], "Created");
    assert_eq!(pending["commands"][2]["command"], commands[2]);
    api.sim.advance(Duration::from_secs(10));
    let (_, done) = api.get(&single, &[]).await;
    assert_eq!(done["commands"][2]["commandStatus"], "Completed");
    let mut results = Vec::new();
    for index in 0..4 {
        let path = format!("{single}/GetLiveResponseResultDownloadLink(index={index})");
        let (status, body) = api.get(&path, &[]).await;
        results.push(status);
        if status == 200 {
            let link = body["value"].as_str().unwrap();
            assert_eq!(http().get(link).send().await.unwrap().status(), 200);
        }
    }
    assert_eq!(results, [404, 200, 200, 404]);
}

#[tokio::test]
async fn a_failed_command_stops_the_rest() {
    let api = Api::endpoint().await;
    let commands = json!([
        command("RunScript", "ScriptName", "not-in-the-library.ps1"),
        command("GetFile", "Path", "C:\\x"),
    ]);
    let action = respond(&api, "runliveresponse", json!({ "Commands": commands })).await;
    api.sim.advance(Duration::from_secs(10));
    let (_, failed) = api.get(&format!("/api/machineactions/{action}"), &[]).await;
    assert_eq!(failed["status"], "Failed");
    assert_eq!(failed["commands"][0]["commandStatus"], "Failed");
    assert_eq!(failed["commands"][1]["commandStatus"], "Created");
    let unknown = json!({ "Commands": [command("Format", "Path", "C:")] });
    let path = format!("/api/machines/{WORKSTATION}/runliveresponse");
    assert_eq!(api.send(Method::POST, &path, unknown).await.0, 400);
}

#[tokio::test]
async fn the_seeds_have_a_package_and_a_result() {
    let api = Api::endpoint().await;
    let package = "/api/machineactions/0d5c7a9e-41b8-4f63-a2d7-58e6c3f90b12/getPackageUri";
    assert_eq!(api.get(package, &[]).await.0, 200);
    let result = "/api/machineactions/6f21b08d-9a3e-4c57-8b64-f0d17e2c95a3/GetLiveResponseResultDownloadLink(index=0)";
    assert_eq!(api.get(result, &[]).await.0, 200);
}

#[tokio::test]
async fn the_past_can_be_given_actions() {
    let api = Api::endpoint().await;
    let id = api.sim.edit(HARBOURLINE, |tenant| {
        let ago = Duration::from_secs(1800);
        tenant.past_action(
            simulator::ActionKind::Isolate,
            WORKSTATION,
            ago,
            Status::Succeeded,
        )
    });
    let filter = "type eq 'Isolate' and creationDateTimeUtc ge 2026-11-18T08:30:00Z";
    let listed = api.ids("/api/machineactions", &[("$filter", filter)]).await;
    assert_eq!(listed, [id]);
}

async fn upload(api: &Api, name: &str, content: Vec<u8>, overrides: bool) -> (u16, Value) {
    let form = Form::new()
        .part("file", Part::bytes(content).file_name(name.to_owned()))
        .text("Description", "Looks around")
        .text("HasParameters", "true")
        .text("ParametersDescription", "-Depth <n>")
        .text("OverrideIfExists", overrides.to_string());
    let request = api.call(Method::POST, "/api/libraryfiles").multipart(form);
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_library_file_is_uploaded_replaced_only_when_told_and_deleted() {
    let api = Api::endpoint().await;
    let (status, file) = upload(&api, "look.ps1", b"Get-ChildItem".to_vec(), false).await;
    assert_eq!(status, 200, "{file}");
    assert_eq!(file["hasParameters"], true);
    assert_eq!(file["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(upload(&api, "look.ps1", b"x".to_vec(), false).await.0, 400);
    assert_eq!(
        upload(&api, "look.ps1", b"Get-Item\r\n--x".to_vec(), true)
            .await
            .0,
        200
    );
    let kept = api.sim.edit(HARBOURLINE, |tenant| {
        tenant.library.last().unwrap().content.clone()
    });
    assert_eq!(kept, b"Get-Item\r\n--x");
    let large = vec![0; 20 * 1024 * 1024 + 1];
    assert_eq!(upload(&api, "large.bin", large, false).await.0, 400);
    let path = "/api/libraryfiles/look.ps1";
    assert_eq!(api.send(Method::DELETE, path, json!(null)).await.0, 204);
    assert_eq!(api.send(Method::DELETE, path, json!(null)).await.0, 404);
}
