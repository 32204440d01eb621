//! The pages, read by a Markdown parser: their fenced blocks, links, headings and words of code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::checkout;

/// A page of the documentation.
pub struct Page {
    /// Its path in the checkout, such as `docs/deploy.md`.
    pub name: String,
    pub blocks: Vec<Block>,
    /// Where its links lead, as they are written.
    pub links: Vec<String>,
    /// Its headings, as links name them.
    pub anchors: BTreeSet<String>,
    /// What is set as code within its text.
    pub words: BTreeSet<String>,
    pub headings: Vec<String>,
}

/// A fenced block.
pub struct Block {
    pub line: usize,
    pub language: String,
    pub text: String,
    /// Why it is not run, if a comment before it says so.
    pub not_run: Option<String>,
    /// What the reader is told to save it as, if a comment before it says so.
    pub save_as: Option<String>,
}

/// The README and all of `docs`.
pub fn all() -> Vec<Page> {
    let files = fs::read_dir(checkout("docs")).expect("docs is in the checkout");
    let names = files.map(|file| PathBuf::from("docs").join(file.expect("a file").file_name()));
    let mut names: Vec<String> = names
        .map(|name| name.to_str().expect("plain names").to_owned())
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.push("README.md".to_owned());
    names.sort_unstable();
    names.into_iter().map(read).collect()
}

/// One page.
pub fn read(name: String) -> Page {
    let text =
        fs::read_to_string(checkout(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut page = Page {
        name,
        blocks: Vec::new(),
        links: Vec::new(),
        anchors: BTreeSet::new(),
        words: BTreeSet::new(),
        headings: Vec::new(),
    };
    let (mut heading, mut block, mut mark) = (None, None, None);
    let mut seen = BTreeMap::new();
    let parser = Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter();
    for (event, range) in parser {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let title: String = heading.take().unwrap_or_default();
                page.anchors.insert(anchor(&title, &mut seen));
                page.headings.push(title);
                mark = None;
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => panic!("{}: an indented block", page.name),
                };
                block = Some(Block {
                    line: text[..range.start].lines().count(),
                    language,
                    text: String::new(),
                    not_run: marked(mark.as_deref(), "not run: "),
                    save_as: marked(mark.take().as_deref(), "saved as: "),
                });
            }
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
            Event::Start(Tag::Paragraph) => mark = None,
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.to_string());
            }
            Event::Html(html) => {
                mark = Some(html.to_string());
            }
            Event::Text(part) => {
                let place = block.as_mut().map(|block| &mut block.text);
                if let Some(place) = place.or(heading.as_mut()) {
                    place.push_str(&part);
                }
            }
            Event::Code(word) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&word);
                }
                page.words.insert(word.to_string());
            }
            _ => {}
        }
    }
    page
}

/// What a comment says, if it begins so.
fn marked(comment: Option<&str>, beginning: &str) -> Option<String> {
    let said = comment?
        .trim()
        .strip_prefix("<!-- ")?
        .strip_suffix(" -->")?;
    said.strip_prefix(beginning).map(str::to_owned)
}

/// A heading as a link to it ends: lower case, hyphens for blanks, without punctuation, numbered when it comes again.
fn anchor(title: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let kept = title.to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
    let times = seen.entry(anchor.clone()).or_insert(0);
    *times += 1;
    match *times {
        1 => anchor,
        times => format!("{anchor}-{}", times - 1),
    }
}
