//! The figures as bars: an SVG, and the same as PNG.

use std::fmt::Write;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::job::Job;
use crate::table::{Row, Section, time};

const WIDTH: usize = 560;
const BAR: usize = 22;
const NAME: usize = 150;
const VALUE: usize = 70;
const GAP: usize = 28;

type Figure = fn(&Row) -> Option<f64>;

/// The panels, two beside each other: title, job, whether under the share, figure.
const PANELS: [(&str, Job, bool, Figure); 10] = [
    ("Cold start to first answer, 50 incidents, ms", Job::Incidents50, false, cold),
    ("The same with the secret in Secrets Manager, ms", Job::ColdSecret, false, cold),
    ("Warm answer, 50 incidents, ms (p50)", Job::Incidents50, false, warm),
    ("CPU of a warm answer, 50 incidents, ms", Job::Incidents50, false, cpu),
    ("First answer with the CPU of a 128 MB function, ms", Job::Incidents50, true, first),
    ("Warm answer with the CPU of a 128 MB function, ms (p50)", Job::Incidents50, true, warm),
    ("A hunt of 100,000 rows, ms (p50)", Job::HuntStreamed, false, warm),
    ("Peak memory of that hunt, MiB", Job::HuntStreamed, false, memory),
    ("Peak memory, 50 incidents, MiB", Job::Incidents50, false, memory),
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

fn cpu(row: &Row) -> Option<f64> {
    row.medians.warm_cpu
}

fn memory(row: &Row) -> Option<f64> {
    Some(row.medians.memory / 1_048_576.0)
}

fn zip(row: &Row) -> Option<f64> {
    Some(row.size.zip as f64 / 1e6)
}

/// The plot as SVG, with a line below that says where and with what.
pub fn svg(sections: &[Section], caption: &[String]) -> String {
    let mut panels = String::new();
    let (mut top, mut tallest, mut column) = (56, 0, 0);
    for (title, job, quota, figure) in PANELS {
        let wanted = |section: &&Section| {
            section.job == job && section.quota == quota && section.concurrency == 1
        };
        let Some(section) = sections.iter().find(wanted) else {
            continue;
        };
        let rows = section.rows.iter();
        let bars: Vec<_> = rows.filter_map(|row| Some((row.contestant, figure(row)?))).collect();
        if bars.is_empty() {
            continue;
        }
        let height = panel(&mut panels, title, &bars, 20 + column * (WIDTH + 20), top);
        tallest = tallest.max(height);
        column += 1;
        if column == 2 {
            top += tallest;
            (tallest, column) = (0, 0);
        }
    }
    top += tallest;
    for line in caption {
        let _ = writeln!(panels, r##"<text x="20" y="{}" fill="#666" font-size="12">{}</text>"##, top + 4, escaped(line));
        top += 18;
    }
    let (width, height) = (2 * WIDTH + 60, top + 8);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="20" y="34" font-size="20" fill="#111">Defender functions beside the floor and beside what people write today</text>
{panels}</svg>
"##
    )
}

/// One group of bars; answers its height.
fn panel(svg: &mut String, title: &str, bars: &[(&str, f64)], left: usize, top: usize) -> usize {
    let _ = writeln!(svg, r##"<text x="{left}" y="{}" fill="#111" font-size="14">{}</text>"##, top + 14, escaped(title));
    let most = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let room = (WIDTH - NAME - VALUE) as f64;
    for (number, (name, value)) in bars.iter().enumerate() {
        let y = top + 24 + number * BAR;
        let fill = match *name {
            "floor" => "#9aa5b1",
            name if name.starts_with("ours") => "#0b6e4f",
            _ => "#c8843c",
        };
        let _ = writeln!(
            svg,
            r##"<text x="{}" y="{}" text-anchor="end" fill="#333">{}</text><rect x="{}" y="{}" width="{:.1}" height="{}" fill="{fill}"/><text x="{:.1}" y="{}" fill="#333">{}</text>"##,
            left + NAME - 8,
            y + 15,
            escaped(name),
            left + NAME,
            y + 2,
            (value / most * room).max(1.0),
            BAR - 5,
            (left + NAME) as f64 + value / most * room + 6.0,
            y + 15,
            time(*value)
        );
    }
    24 + bars.len() * BAR + GAP
}

/// The SVG as PNG, twice as large.
pub fn png(svg: &str) -> Result<Vec<u8>, String> {
    let mut options = Options::default();
    Arc::make_mut(&mut options.fontdb).load_font_data(dejavu::sans::regular().to_vec());
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size();
    let (width, height) = (size.width() * 2.0, size.height() * 2.0);
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or("the plot has no size")?;
    resvg::render(&tree, Transform::from_scale(2.0, 2.0), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
