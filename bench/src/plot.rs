//! The figures as bars, two panels beside each other.

use crate::drawing::{Anchor, Colour, Drawing};
use crate::job::Job;
use crate::table::{Row, Section, time};

/// Of a panel, of what a bar takes, of names and values beside it, and between panels.
const WIDTH: f64 = 560.0;
const BAR: f64 = 22.0;
const NAME: f64 = 150.0;
const VALUE: f64 = 70.0;
const GAP: f64 = 28.0;

const INK: Colour = [0x22, 0x22, 0x22];
const FAINT: Colour = [0x66, 0x66, 0x66];
const GREEN: Colour = [0x0b, 0x6e, 0x4f];
const GREY: Colour = [0x9a, 0xa5, 0xb1];
const OCHRE: Colour = [0xc8, 0x84, 0x3c];

type Figure = fn(&Row) -> Option<f64>;

/// The panels: title, job, whether under the share, figure.
const PANELS: [(&str, Job, bool, Figure); 10] = [
    (
        "Cold start to first answer, 50 incidents, ms",
        Job::Incidents50,
        false,
        cold,
    ),
    (
        "The same with the secret in Secrets Manager, ms",
        Job::ColdSecret,
        false,
        cold,
    ),
    (
        "Warm answer, 50 incidents, ms (p50)",
        Job::Incidents50,
        false,
        warm,
    ),
    (
        "CPU of a warm answer, 50 incidents, ms",
        Job::Incidents50,
        false,
        cpu,
    ),
    (
        "First answer with the CPU of a 128 MB function, ms",
        Job::Incidents50,
        true,
        first,
    ),
    (
        // Who is held back answers at once or after a period: the median is either.
        "Warm answers with the CPU of a 128 MB function, ms an event",
        Job::Incidents50,
        true,
        each,
    ),
    (
        "A hunt of 100,000 rows, ms (p50)",
        Job::HuntStreamed,
        false,
        warm,
    ),
    (
        "Peak memory of that hunt, MiB",
        Job::HuntStreamed,
        false,
        memory,
    ),
    (
        "Peak memory, 50 incidents, MiB",
        Job::Incidents50,
        false,
        memory,
    ),
    ("Deployed zip, MB", Job::Incidents50, false, zip),
];

fn first(row: &Row) -> Option<f64> {
    Some(row.medians.first)
}

fn cold(row: &Row) -> Option<f64> {
    Some(row.medians.cold)
}

fn warm(row: &Row) -> Option<f64> {
    row.medians.warm_p50
}

fn each(row: &Row) -> Option<f64> {
    Some(1_000.0 / row.medians.rate?)
}

fn cpu(row: &Row) -> Option<f64> {
    row.medians.warm_cpu
}

fn memory(row: &Row) -> Option<f64> {
    Some(row.medians.memory / 1_048_576.0)
}

fn zip(row: &Row) -> Option<f64> {
    Some(row.size.zip as f64 / 1e6)
}

/// Draws the panels, and below them lines that say where and with what.
pub fn draw(sections: &[Section], caption: &[String]) -> Drawing {
    let mut drawing = Drawing::new(2.0 * WIDTH + 60.0);
    let title = "Defender functions beside the floor and beside what people write today";
    drawing.text((20.0, 34.0), 20.0, INK, Anchor::Start, title);
    let (mut top, mut tallest, mut column) = (56.0, 0.0, 0.0);
    for (title, job, quota, figure) in PANELS {
        let wanted = |section: &&Section| {
            section.job == job && section.quota == quota && section.concurrency == 1
        };
        let Some(section) = sections.iter().find(wanted) else {
            continue;
        };
        let rows = section.rows.iter();
        let bars: Vec<_> = rows
            .filter_map(|row| Some((row.contestant, figure(row)?)))
            .collect();
        if bars.is_empty() {
            continue;
        }
        let left = 20.0 + column * (WIDTH + 20.0);
        tallest = panel(&mut drawing, title, &bars, (left, top)).max(tallest);
        column += 1.0;
        if column > 1.0 {
            top += tallest;
            (tallest, column) = (0.0, 0.0);
        }
    }
    top += tallest;
    for line in caption.iter().flat_map(|line| wrapped(line)) {
        drawing.text((20.0, top + 4.0), 12.0, FAINT, Anchor::Start, &line);
        top += 18.0;
    }
    drawing.height = top + 8.0;
    drawing
}

/// One group of bars; answers its height.
fn panel(drawing: &mut Drawing, title: &str, bars: &[(&str, f64)], (left, top): (f64, f64)) -> f64 {
    drawing.text((left, top + 14.0), 14.0, INK, Anchor::Start, title);
    let most = bars
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let zero = left + NAME;
    let mut y = top + 24.0;
    for (name, value) in bars {
        let length = (value / most * (WIDTH - NAME - VALUE)).max(1.0);
        let colour = match *name {
            "floor" => GREY,
            name if name.starts_with("ours") => GREEN,
            _ => OCHRE,
        };
        drawing.text((zero - 8.0, y + 15.0), 13.0, INK, Anchor::End, name);
        drawing.bar((zero, y + 2.0), (length, BAR - 5.0), colour);
        drawing.text(
            (zero + length + 6.0, y + 15.0),
            13.0,
            INK,
            Anchor::Start,
            &time(*value),
        );
        y += BAR;
    }
    y - top + GAP
}

/// Lines that fit under the panels.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 165 => {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
