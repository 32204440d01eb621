//! What the template has alarms ring for.

use serde_json::{Value, json};

use super::{TOPIC, chosen};

#[test]
fn an_alarm_rings_for_a_stream_that_is_behind_or_does_not_run_at_all() {
    let template = chosen();
    for (alarm, stream, lag) in [
        ("IncidentsLagAlarm", "incidents", 3600),
        ("AlertsLagAlarm", "alerts", 3600),
        ("HuntingLagAlarm", "hunting-encoded-powershell", 21_600),
    ] {
        let alarm = template.properties(alarm);
        assert_eq!(alarm["Namespace"], "DefenderXdr");
        assert_eq!(alarm["MetricName"], "LagSeconds");
        assert_eq!(
            alarm["Dimensions"],
            json!([{ "Name": "Stream", "Value": stream }])
        );
        assert_eq!(alarm["Statistic"], "Maximum");
        assert_eq!(alarm["TreatMissingData"], "breaching");
        for seconds in ["Threshold", "Period"] {
            assert_eq!(number(&alarm[seconds]), lag, "{alarm}");
        }
    }
}

fn number(value: &Value) -> u64 {
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_u64().or(text).expect("a number")
}

#[test]
fn alarms_ring_for_failed_runs_for_runs_turned_away_and_for_dead_letters() {
    let template = chosen();
    for id in ["CollectIncidents", "CollectAlerts", "CollectHunting"] {
        for (alarm, metric, times) in [("Failures", "Errors", 3), ("Throttles", "Throttles", 10)] {
            let alarm = template.properties(&format!("{id}{alarm}"));
            assert_eq!(alarm["Namespace"], "AWS/Lambda");
            assert_eq!(alarm["MetricName"], metric);
            assert_eq!(number(&alarm["Threshold"]), times);
            let function = json!([{ "Name": "FunctionName", "Value": { "Ref": id } }]);
            assert_eq!(alarm["Dimensions"], function);
        }
    }
    for queue in ["CollectingDeadLetters", "ScheduleDeadLetters"] {
        let alarm = template.properties(&format!("{queue}Alarm"));
        assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
        let name =
            json!([{ "Name": "QueueName", "Value": { "Fn::GetAtt": [queue, "QueueName"] } }]);
        assert_eq!(alarm["Dimensions"], name);
        assert_eq!(number(&alarm["Threshold"]), 0);
    }
    let alarms: Vec<_> = template.of_type("AWS::CloudWatch::Alarm").collect();
    assert_eq!(alarms.len(), 11);
    for (id, alarm) in alarms {
        let told = json!([TOPIC]);
        assert_eq!(alarm["Properties"]["AlarmActions"], told, "{id}");
        assert_eq!(alarm["Properties"]["OKActions"], told, "{id}");
    }
}
