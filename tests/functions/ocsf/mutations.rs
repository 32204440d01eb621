//! Items with attributes dropped, emptied and of other types.

use serde_json::{Value, json};

use super::{CHANGES, assert_valid, assert_whole, everything, finding, head};

#[test]
fn no_mutation_of_an_item_makes_an_invalid_finding_or_loses_what_is_left() {
    let items = everything();
    let mut random = fastrand::Rng::with_seed(20_261_121);
    for _ in 0..1_000 {
        let (kind, item) = random.choice(&items).unwrap();
        let change = random.choice(CHANGES).unwrap();
        let mut item = item.clone();
        for _ in 0..random.usize(1..8) {
            mutate(&mut item, &mut random);
        }
        let finding = finding(*kind, change, &item);
        assert_valid(&finding);
        if item.is_object() {
            assert_whole(&item, &finding);
        }
        assert_eq!(finding["metadata"]["uid"], head(*kind, change).id);
    }
}

fn mutate(value: &mut Value, random: &mut fastrand::Rng) {
    match value {
        Value::Object(map) if !map.is_empty() && random.u8(..) > 12 => {
            let name = map.keys().nth(random.usize(..map.len())).unwrap().clone();
            if random.u8(..) < 40 {
                map.remove(&name);
            } else {
                mutate(&mut map[&name], random);
            }
        }
        Value::Array(values) if !values.is_empty() && random.u8(..) > 12 => {
            let index = random.usize(..values.len());
            mutate(&mut values[index], random);
        }
        value => *value = odd(random),
    }
}

fn odd(random: &mut fastrand::Rng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("4780"),
        json!("unknownFutureValue"),
        json!("2026-11-17T16:31:27"),
        json!("9999-12-31T23:59:59.9999999Z"),
        json!("a@b"),
        json!("ä@b.example"),
        json!("300.1.1.1"),
        json!("fe80::1%eth0"),
        json!("::ffff:1.2.3.4"),
        json!("\u{0}"),
        json!([]),
        json!([null]),
        json!([{}]),
        json!(["a", 1]),
        json!({}),
        json!({ "id": {} }),
    ];
    random.choice(odd).unwrap()
}
