//! Bars and text, as an SVG and, by the same font on every machine, as a PNG.

use std::error::Error;
use std::fmt::Write;

use ab_glyph::{Font, FontRef, ScaleFont, point};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// Where a text is held.
#[derive(Clone, Copy, PartialEq)]
pub enum Anchor {
    Start,
    End,
}

/// Bars and text on white, in pixels from the upper left corner.
pub struct Drawing {
    width: f64,
    pub height: f64,
    marks: Vec<Mark>,
}

enum Mark {
    Bar {
        at: (f64, f64),
        size: (f64, f64),
        colour: Colour,
    },
    Text {
        /// The base line.
        at: (f64, f64),
        size: f64,
        colour: Colour,
        anchor: Anchor,
        text: String,
    },
}

/// Pixels of the PNG for one of the drawing.
const SCALE: f64 = 2.0;

impl Drawing {
    /// Nothing yet.
    pub fn new(width: f64) -> Self {
        Self {
            width,
            height: 0.0,
            marks: Vec::new(),
        }
    }

    pub fn bar(&mut self, at: (f64, f64), size: (f64, f64), colour: Colour) {
        self.marks.push(Mark::Bar { at, size, colour });
    }

    /// One line; `at` is on its base line.
    pub fn text(&mut self, at: (f64, f64), size: f64, colour: Colour, anchor: Anchor, text: &str) {
        self.marks.push(Mark::Text {
            at,
            size,
            colour,
            anchor,
            text: text.to_owned(),
        });
    }

    pub fn svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans, Verdana, sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        for mark in &self.marks {
            // A string takes whatever is written.
            let _ = match mark {
                Mark::Bar {
                    at: (x, y),
                    size: (width, height),
                    colour,
                } => writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{}\"/>",
                    hex(*colour)
                ),
                Mark::Text {
                    at: (x, y),
                    size,
                    colour,
                    anchor,
                    text,
                } => writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{}\" text-anchor=\"{}\">{}</text>",
                    hex(*colour),
                    if *anchor == Anchor::End {
                        "end"
                    } else {
                        "start"
                    },
                    text.replace('&', "&amp;")
                        .replace('<', "&lt;")
                        .replace('>', "&gt;")
                ),
            };
        }
        svg + "</svg>\n"
    }

    pub fn png(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let font = FontRef::try_from_slice(dejavu::sans::regular())?;
        let mut pixels = Pixels::white(self.width * SCALE, self.height * SCALE);
        for mark in &self.marks {
            match mark {
                Mark::Bar { at, size, colour } => pixels.fill(*at, *size, *colour),
                Mark::Text {
                    at: (x, y),
                    size,
                    colour,
                    anchor,
                    text,
                } => {
                    // The font's own measure of its size is the line, that of SVG the em.
                    let em = font.units_per_em().unwrap_or(1000.0) / font.height_unscaled();
                    let scaled = font.as_scaled((size * SCALE) as f32 / em);
                    let advances = |text: &str| -> f32 {
                        let glyphs = text.chars().map(|letter| font.glyph_id(letter));
                        glyphs.map(|glyph| scaled.h_advance(glyph)).sum()
                    };
                    let mut pen = (x * SCALE) as f32;
                    if *anchor == Anchor::End {
                        pen -= advances(text);
                    }
                    for letter in text.chars() {
                        let mut glyph = scaled.scaled_glyph(letter);
                        glyph.position = point(pen, (y * SCALE) as f32);
                        pen += scaled.h_advance(glyph.id);
                        if let Some(outline) = scaled.outline_glyph(glyph) {
                            let corner = outline.px_bounds().min;
                            outline.draw(|x, y, cover| {
                                let at = (corner.x + x as f32, corner.y + y as f32);
                                pixels.blend(at, *colour, cover);
                            });
                        }
                    }
                }
            }
        }
        pixels.png()
    }
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

struct Pixels {
    width: usize,
    height: usize,
    /// Three bytes a pixel, row by row.
    bytes: Vec<u8>,
}

impl Pixels {
    fn white(width: f64, height: f64) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            width,
            height,
            bytes: vec![0xff; width * height * 3],
        }
    }

    fn fill(&mut self, (left, top): (f64, f64), (width, height): (f64, f64), colour: Colour) {
        let range = |from: f64, length: f64| {
            (from * SCALE).round() as usize..((from + length) * SCALE).round() as usize
        };
        for y in range(top, height) {
            for x in range(left, width) {
                self.blend((x as f32, y as f32), colour, 1.0);
            }
        }
    }

    /// Covers a pixel by a share of 0 to 1. What lies outside is let go.
    fn blend(&mut self, (x, y): (f32, f32), colour: Colour, cover: f32) {
        if x < 0.0 || y < 0.0 || x as usize >= self.width || y as usize >= self.height {
            return;
        }
        let at = (y as usize * self.width + x as usize) * 3;
        let cover = cover.clamp(0.0, 1.0);
        for (below, above) in self.bytes[at..at + 3].iter_mut().zip(colour) {
            *below = (f32::from(*below) * (1.0 - cover) + f32::from(above) * cover) as u8;
        }
    }

    fn png(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut file = Vec::new();
        let (width, height) = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        writer.finish()?;
        Ok(file)
    }
}
