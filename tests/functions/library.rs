//! The live response library: files go there as they are, by a form that no content can break.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use simulator::{Fault, Kind, LibraryFile, Simulator};

use crate::{api_requests, code, invoke, line, lines, problem};

fn stored(simulator: &Simulator, name: &str) -> Option<LibraryFile> {
    simulator.edit("harbourline.example", |tenant| {
        tenant
            .library
            .iter()
            .find(|file| file.file_name == name)
            .cloned()
    })
}

fn upload(name: &str, content: &[u8]) -> Value {
    json!({"fileName": name, "content": BASE64_STANDARD.encode(content)})
}

#[tokio::test]
async fn a_file_arrives_byte_for_byte_with_all_that_is_said_about_it() {
    let simulator = Simulator::start();
    let content: Vec<u8> = (0..100_000u32)
        .map(|number| ((number * 7919) >> 3) as u8)
        .collect();
    let mut input = upload("Größe & co.ps1", &content);
    input["description"] = json!("Zwei\r\n--Zeilen \"見\"");
    input["parametersDescription"] = json!("-Path <p>");
    input["hasParameters"] = json!(true);
    let answer = invoke(&simulator, "upload_library_file", input)
        .await
        .json();
    assert_eq!(answer["fileName"], json!("Größe & co.ps1"));
    assert_eq!(answer["hasParameters"], json!(true));
    let file = stored(&simulator, "Größe & co.ps1").unwrap();
    assert_eq!(file.content, content);
    assert_eq!(file.description.as_deref(), Some("Zwei\r\n--Zeilen \"見\""));
    assert_eq!(file.parameters_description.as_deref(), Some("-Path <p>"));
    let sent = &api_requests(&simulator)[0];
    assert_eq!(line(sent), "POST /api/libraryfiles");
    assert!(
        sent.header("content-type")
            .unwrap()
            .starts_with("multipart/form-data; boundary=")
    );
}

#[tokio::test]
async fn a_file_is_replaced_only_if_asked_for() {
    let simulator = Simulator::start();
    let mut input = upload("list-autoruns.ps1", b"new");
    assert_eq!(
        code(&invoke(&simulator, "upload_library_file", input.clone()).await),
        "UpstreamRejected"
    );
    input["override"] = json!(true);
    invoke(&simulator, "upload_library_file", input)
        .await
        .json();
    assert_eq!(
        stored(&simulator, "list-autoruns.ps1").unwrap().content,
        b"new"
    );
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_file_is_not_sent_again() {
    for (operation, input) in [
        ("upload_library_file", upload("new.ps1", b"new")),
        (
            "delete_library_file",
            json!({"fileName": "collect-logs.sh"}),
        ),
    ] {
        let simulator = Simulator::start();
        simulator.inject(Fault::from(Kind::DropAfter).path("/api/").times(1));
        let problem = problem(&invoke(&simulator, operation, input).await);
        assert_eq!(problem["code"], json!("OutcomeUnknown"), "{operation}");
        assert!(
            problem["detail"].as_str().unwrap().contains("is safe"),
            "{problem}"
        );
        assert_eq!(api_requests(&simulator).len(), 1);
    }
}

#[tokio::test]
async fn a_file_is_deleted_once() {
    let simulator = Simulator::start();
    let input = json!({"fileName": "collect-logs.sh"});
    let answer = invoke(&simulator, "delete_library_file", input.clone())
        .await
        .json();
    assert_eq!(
        answer,
        json!({"fileName": "collect-logs.sh", "deleted": true})
    );
    assert_eq!(
        lines(&simulator),
        ["DELETE /api/libraryfiles/collect-logs.sh"]
    );
    assert!(stored(&simulator, "collect-logs.sh").is_none());
    assert_eq!(
        code(&invoke(&simulator, "delete_library_file", input).await),
        "NotFound"
    );
}

#[tokio::test]
async fn a_wrong_file_is_refused_by_its_field_and_nothing_is_sent() {
    let simulator = Simulator::start();
    for (operation, input, says) in [
        (
            "upload_library_file",
            upload("../a.ps1", b"x"),
            "`fileName`",
        ),
        (
            "upload_library_file",
            upload("a\"; name=\"b.ps1", b"x"),
            "`fileName`",
        ),
        (
            "upload_library_file",
            upload("a.ps1", b""),
            "`content`: the file is empty",
        ),
        (
            "upload_library_file",
            json!({"fileName": "a.ps1", "content": "not base64!"}),
            "`content`: not Base64",
        ),
        (
            "upload_library_file",
            json!({"fileName": "a.ps1"}),
            "`content`",
        ),
        (
            "delete_library_file",
            json!({"fileName": ".."}),
            "`fileName`",
        ),
    ] {
        let problem = problem(&invoke(&simulator, operation, input).await);
        assert_eq!(problem["code"], json!("InvalidInput"), "{says}");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{says}: {problem}"
        );
    }
    assert!(simulator.requests().is_empty());
}
