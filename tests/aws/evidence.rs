//! Evidence: an investigation package on its way to moto's S3.

use std::time::Duration;

use local::runtime_api::{Function, Outcome};
use serde_json::{Value, json};
use simulator::Simulator;

use crate::moto::Moto;

const DEVICE: &str = "5854058a899368873d73bc05e733beaa4865c8ce";
const TENANT: &str = "harbourline.example";
const BUCKET: &str = "harbourline-evidence";

fn function(simulator: &Simulator, moto: &Moto, operation: &str) -> Function {
    Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
        .envs(simulator.environment())
        .envs(moto.environment("S3"))
        .env("EVIDENCE_BUCKET", BUCKET)
        .start()
        .expect("bootstrap starts")
}

/// A package that is ready, by its action.
async fn package(simulator: &Simulator, moto: &Moto) -> String {
    let input = json!({ "deviceId": DEVICE, "comment": "c" }).to_string();
    let collect = function(simulator, moto, "collect_package");
    let answer = collect.invoke(input).await.json();
    simulator.advance(Duration::from_secs(60));
    answer["action"]["id"].as_str().expect("an id").to_owned()
}

async fn save(simulator: &Simulator, moto: &Moto, id: &str) -> Outcome {
    let input = json!({ "actionId": id }).to_string();
    function(simulator, moto, "save_package")
        .invoke(input)
        .await
}

#[tokio::test]
async fn a_package_is_copied_whole_with_its_checksum_and_without_a_token() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let length = 40 * 1024 * 1024;
    let tenant_id = simulator.edit(TENANT, |tenant| {
        tenant.package_bytes = length;
        tenant.tenant_id.clone()
    });
    let id = package(&simulator, &moto).await;
    let input = json!({ "actionId": id }).to_string();
    let save = function(&simulator, &moto, "save_package");
    moto.record();
    let answer = save.invoke(input).await.json();
    assert_eq!(moto.signed_services(), ["s3"]);
    let key = format!("{tenant_id}/{id}.zip");
    assert_eq!(
        answer,
        json!({ "bucket": BUCKET, "key": key, "bytes": length })
    );
    let kept = moto.ask("objects", &json!({ "bucket": BUCKET }));
    assert_eq!(kept[&key]["bytes"], length);

    let requests = simulator.requests();
    let download = requests.last().expect("the package was asked for");
    assert!(download.path.starts_with("/_storage/"), "{}", download.path);
    assert_eq!(download.header("authorization"), None);
    // It passes through; it is not kept.
    let peak = save.peak_memory_kib();
    assert!(peak < 24 * 1024, "{peak} KiB");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    let id = package(&simulator, &moto).await;
    let problem = save(&simulator, &moto, &id).await.problem();
    assert_eq!(problem["code"], "Misconfigured");
    assert_eq!(problem["upstream"]["code"], "NoSuchBucket");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("EVIDENCE_BUCKET"), "{detail}");
}

#[tokio::test]
async fn a_link_that_died_leaves_nothing_behind() {
    let (simulator, moto) = (Simulator::start(), Moto::start());
    moto.ask("create_bucket", &json!({ "name": BUCKET }));
    let id = package(&simulator, &moto).await;
    for fault in [
        simulator::Kind::status(403),
        simulator::Kind::CutBody { after_bytes: 100 },
    ] {
        simulator.inject(simulator::Fault::from(fault).path("/_storage/"));
        let problem = save(&simulator, &moto, &id).await.problem();
        assert_eq!(problem["code"], "UpstreamUnavailable", "{problem}");
        assert!(!problem.to_string().contains("sig="), "{problem}");
    }
    let kept: Value = moto.ask("objects", &json!({ "bucket": BUCKET }));
    assert_eq!(kept, json!({}));
}
