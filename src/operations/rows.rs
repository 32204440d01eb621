//! The answer of a hunting query, rewritten while it arrives: the rows pass as they are, whatever their number, and all but the schema
//! is left out.

use super::hunting::Column;
use crate::client::Room;

/// No schema takes more: tables have some dozens of columns.
const SCHEMA: Room = Room::of(256 * 1024);

/// Values are not nested deeper than this, which is as deep as a JSON reader goes.
const DEEPEST: usize = 128;

/// Why an answer is not one, in the words that follow "an answer that".
type Wrong = &'static str;

const BROKEN: Wrong = "is not whole JSON";
const SHAPE: Wrong = "does not have the documented shape";

/// Reads `{"schema":[...],"results":[...]}` in any order, with anything besides, and writes it with nothing besides. It looks at
/// strings and brackets only: whether a number is one is for whoever reads the rows.
#[derive(Default)]
pub struct Rows {
    at: At,
    /// What closes the brackets that are open.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    /// The name of the member, or the text of the schema.
    text: Vec<u8>,
    has_schema: bool,
    has_results: bool,
    count: u64,
}

/// The place in the answer's own object.
#[derive(Clone, Copy, Default, PartialEq)]
enum At {
    #[default]
    Start,
    Name {
        may_end: bool,
    },
    Colon,
    Value(Member),
    AfterValue,
    End,
}

#[derive(Clone, Copy, PartialEq)]
enum Member {
    Schema,
    Results,
    Other,
}

impl Rows {
    /// Reads a piece of the answer and appends to `out` what is to be passed on of it.
    pub fn read(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<(), Wrong> {
        while let Some(&byte) = piece.first() {
            if let At::Value(member) = self.at
                && (self.in_string || !self.open.is_empty())
            {
                let length = self.inside(piece)?;
                self.keep(member, &piece[..length], out)?;
                piece = &piece[length..];
                if !self.in_string && self.open.is_empty() {
                    self.end_value(member, out)?;
                }
                continue;
            }
            match self.at {
                At::Name { .. } if self.in_string => self.name(byte)?,
                // A number or a word ends where something else begins.
                At::Value(Member::Other) if !b",}".contains(&byte) => self.begin_value(byte)?,
                At::Value(Member::Other) if !self.text.is_empty() => {
                    self.text.clear();
                    self.at = At::AfterValue;
                    continue;
                }
                _ if byte.is_ascii_whitespace() => {}
                At::Start if byte == b'{' => self.at = At::Name { may_end: true },
                At::Name { .. } if byte == b'"' => self.in_string = true,
                At::Name { may_end: true } if byte == b'}' => self.at = At::End,
                At::Colon if byte == b':' => self.begin_member(out)?,
                At::Value(_) if byte == b'[' => self.open.push(b']'),
                At::AfterValue if byte == b',' => self.at = At::Name { may_end: false },
                At::AfterValue if byte == b'}' => self.at = At::End,
                At::Value(Member::Results) => return Err("has rows that are no list"),
                At::Start if byte == b'[' => return Err(SHAPE),
                At::Value(Member::Schema) => return Err(SHAPE),
                _ => return Err(BROKEN),
            }
            if let At::Value(member) = self.at
                && member != Member::Other
                && byte == b'['
            {
                self.keep(member, b"[", out)?;
            }
            piece = &piece[1..];
        }
        Ok(())
    }

    /// Ends what is passed on and answers the number of rows.
    pub fn end(self, out: &mut Vec<u8>) -> Result<u64, Wrong> {
        match self.at {
            At::Start => Err("is empty"),
            At::End if self.has_schema && self.has_results => {
                out.push(b'}');
                Ok(self.count)
            }
            At::End => Err(SHAPE),
            _ => Err(BROKEN),
        }
    }

    /// Goes through a value in brackets, or a string, to its end or that of the piece; answers how far it came.
    fn inside(&mut self, piece: &[u8]) -> Result<usize, Wrong> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            if self.in_string {
                // Most of an answer is in strings, which this passes over sixteen bytes at a time.
                let Some(length) = memchr::memchr2(b'"', b'\\', &piece[at..]) else {
                    break;
                };
                at += length + 1;
                self.escaped = piece[at - 1] == b'\\';
                self.in_string = self.escaped;
                if !self.in_string && self.open.is_empty() {
                    return Ok(at);
                }
                continue;
            }
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    let is_row = self.open.len() == 1 && self.at == At::Value(Member::Results);
                    self.count += u64::from(is_row);
                    self.open.push(if byte == b'{' { b'}' } else { b']' });
                    if self.open.len() > DEEPEST {
                        return Err(BROKEN);
                    }
                }
                b'}' | b']' => {
                    if self.open.pop() != Some(byte) {
                        return Err(BROKEN);
                    }
                    if self.open.is_empty() {
                        return Ok(at);
                    }
                }
                _ => {}
            }
        }
        Ok(piece.len())
    }

    fn name(&mut self, byte: u8) -> Result<(), Wrong> {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                self.at = At::Colon;
                return Ok(());
            }
            _ => {}
        }
        self.text.push(byte);
        match self.text.len() <= SCHEMA.bytes {
            true => Ok(()),
            false => Err(SHAPE),
        }
    }

    fn begin_member(&mut self, out: &mut Vec<u8>) -> Result<(), Wrong> {
        let name = std::mem::take(&mut self.text);
        let (member, known) = match name.as_slice() {
            b"schema" | b"Schema" => (Member::Schema, &mut self.has_schema),
            b"results" | b"Results" => (Member::Results, &mut self.has_results),
            // OData's way to fail after a 200.
            b"error" | b"@odata.error" => return Err("ends in an error"),
            _ => {
                self.at = At::Value(Member::Other);
                return Ok(());
            }
        };
        if std::mem::replace(known, true) {
            return Err(SHAPE);
        }
        self.at = At::Value(member);
        let is_first = !(self.has_schema && self.has_results);
        if member == Member::Results {
            let name: &[u8] = if is_first {
                br#"{"results":"#
            } else {
                br#","results":"#
            };
            out.extend_from_slice(name);
        }
        Ok(())
    }

    /// The first byte of a value that is left out, or a further one of a number or a word.
    fn begin_value(&mut self, byte: u8) -> Result<(), Wrong> {
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.open.push(b'}'),
            b'[' => self.open.push(b']'),
            _ if byte.is_ascii_whitespace() => {}
            _ if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => {
                self.text = vec![byte];
            }
            _ => return Err(BROKEN),
        }
        Ok(())
    }

    fn keep(&mut self, member: Member, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Wrong> {
        match member {
            Member::Results => out.extend_from_slice(piece),
            Member::Schema if self.text.len() + piece.len() <= SCHEMA.bytes => {
                self.text.extend_from_slice(piece)
            }
            Member::Schema => return Err(SHAPE),
            Member::Other => {}
        }
        Ok(())
    }

    fn end_value(&mut self, member: Member, out: &mut Vec<u8>) -> Result<(), Wrong> {
        self.at = At::AfterValue;
        let text = std::mem::take(&mut self.text);
        if member == Member::Schema {
            let columns: Vec<Column> = serde_json::from_slice(&text).map_err(|_| SHAPE)?;
            let name: &[u8] = if self.has_results {
                br#","schema":"#
            } else {
                br#"{"schema":"#
            };
            out.extend_from_slice(name);
            serde_json::to_writer(out, &columns).map_err(|_| SHAPE)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of an answer that comes in pieces of so many bytes.
    fn read(answer: &str, piece: usize) -> Result<(String, u64), Wrong> {
        let (mut rows, mut out) = (Rows::default(), Vec::new());
        for piece in answer.as_bytes().chunks(piece) {
            rows.read(piece, &mut out)?;
        }
        let count = rows.end(&mut out)?;
        Ok((String::from_utf8(out).unwrap(), count))
    }

    #[test]
    fn the_rows_pass_as_they_are_however_they_are_cut() {
        let rows = r#"[{"A":"]}\"\\","B":[1,{"C":null}]} , {"A":"é","B":-1.5e3}]"#;
        let schema = r#"[{"name":"A","type":"String"}]"#;
        let whole = format!(r#"{{"schema":{schema},"results":{rows}}}"#);
        let turned = format!(r#"{{"results":{rows},"schema":{schema}}}"#);
        for (answer, expected) in [
            (whole.clone(), &whole),
            (turned.clone(), &turned),
            (
                format!(
                    " {{ \"@odata.context\" : \"x\\\"\" , \"schema\" : {schema} ,\n\"results\" : {rows} }} "
                ),
                &whole,
            ),
            (
                format!(
                    r#"{{"Stats":{{"a":[1,"}}"]}},"n":12.5,"t":true ,"Schema":[{{"Name":"A","Type":"String"}}],"Results":{rows},"z":null}}"#
                ),
                &whole,
            ),
        ] {
            for piece in [1, 2, 3, 7, answer.len()] {
                assert_eq!(
                    read(&answer, piece),
                    Ok((expected.clone(), 2)),
                    "{answer} by {piece}"
                );
            }
        }
        assert_eq!(read(r#"{"schema":[],"results":[]}"#, 1).unwrap().1, 0);
    }

    #[test]
    fn what_is_no_answer_is_refused_and_what_breaks_off_is_never_whole() {
        let whole = r#"{"schema":[{"Name":"A","Type":"String"}],"results":[{"A":"x"}]}"#;
        for length in 1..whole.len() {
            assert_eq!(read(&whole[..length], 5), Err(BROKEN), "{length}");
        }
        for (wrong, why) in [
            ("", "is empty"),
            ("[]", SHAPE),
            ("{}", SHAPE),
            (r#"{"schema":[]}"#, SHAPE),
            (r#"{"results":[]}"#, SHAPE),
            (r#"{"schema":{},"results":[]}"#, SHAPE),
            (r#"{"schema":[1],"results":[]}"#, SHAPE),
            (r#"{"schema":[],"schema":[],"results":[]}"#, SHAPE),
            (r#"{"schema":[],"results":{}}"#, "has rows that are no list"),
            (
                r#"{"schema":[],"results":null}"#,
                "has rows that are no list",
            ),
            (r#"{"schema":[],"results":[{]}"#, BROKEN),
            (r#"{"schema":[],"results":[]}x"#, BROKEN),
            (r#"{"schema":[],"results":[],}"#, BROKEN),
            (r#"{"schema":[] "results":[]}"#, BROKEN),
            ("<html>", BROKEN),
        ] {
            assert_eq!(read(wrong, 3), Err(why), "{wrong}");
        }
    }
}
