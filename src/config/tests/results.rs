//! Where large answers go.

use super::{read, refusal};

#[test]
fn where_large_answers_go_is_checked() {
    let config = read(&[]).unwrap();
    assert_eq!((config.results_retention, config.streams), (None, false));
    let set = [
        ("RESULTS_RETENTION_DAYS", "7"),
        ("RESPONSE_STREAMING", "on"),
    ];
    let config = read(&set).unwrap();
    assert_eq!((config.results_retention, config.streams), (Some(7), true));
    for wrong in ["0", "a week", "-1", "3651"] {
        let refusal = refusal(&[("RESULTS_RETENTION_DAYS", wrong)]);
        assert!(refusal.contains("RESULTS_RETENTION_DAYS"), "{refusal}");
    }
    let refusal = refusal(&[("RESPONSE_STREAMING", "true")]);
    assert_eq!(
        refusal,
        "RESPONSE_STREAMING is \"true\"; it takes `off` or `on`."
    );
}
