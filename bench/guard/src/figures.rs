//! The figures: what the start, a first and a warm invocation, and one over HTTP each cost.

use std::error::Error;

use crate::answers::{INCIDENT, INCIDENTS, ROW, ROWS};
use crate::binary::Size;
use crate::callgrind::Bench;
use crate::profile::Cost;
use crate::runtime_api::Work;

/// 50 incidents, asked for by Lambda's own API.
const LIST: Work = Work {
    handler: "list_incidents",
    event: r#"{"top":50}"#,
    proof: (INCIDENT, INCIDENTS),
};

/// 500 rows, asked for by an HTTP API, whose reply holds them as a JSON text. The schema names each column once more.
const HUNT: Work = Work {
    handler: "run_hunting_query",
    event: include_str!("hunt.json"),
    proof: (ROW, ROWS + 1),
};

/// Over how many warm invocations the mean is taken: now and then a buffer grows or a map is laid out anew.
const LISTS: u64 = 50;
const HUNTS: u64 = 20;

/// A figure by its place in the record: what it is of, and its unit.
pub type Figure = ((&'static str, &'static str), u64);

/// Measures them all.
pub fn measure(bench: &Bench) -> Result<Vec<Figure>, Box<dyn Error>> {
    let start = bench.cost(LIST, 0)?;
    let first = bench.cost(LIST, 1)?;
    let warm = (bench.cost(LIST, 1 + LISTS as usize)? - first) / LISTS;
    let hunt = bench.cost(HUNT, 1)?;
    let hunt = (bench.cost(HUNT, 1 + HUNTS as usize)? - hunt) / HUNTS;
    let costs = [
        ("start", start),
        ("first_invocation", first - start),
        ("warm_invocation", warm),
        ("warm_invocation_over_http", hunt),
    ];
    let mut figures = Vec::new();
    for (
        of,
        Cost {
            instructions,
            allocations,
        },
    ) in costs
    {
        figures.push(((of, "instructions"), instructions));
        figures.push(((of, "allocations"), allocations));
    }
    let size = Size::of(&bench.bootstrap, &bench.kept)?;
    figures.push((("size", "binary_bytes"), size.binary));
    figures.push((("size", "zip_bytes"), size.zip));
    Ok(figures)
}
