//! Renders a tree as a document, in the many ways of writing the same.

use std::collections::HashSet;

use proptest::prelude::*;

use super::document::{Style, Value};

/// The layout of a document.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way of writing")]
pub struct Look {
    /// The indentation of each level.
    pub indent: usize,
    /// The dashes of a list stand below its key.
    pub dashes_below: bool,
    /// Comments and empty lines between the entries.
    pub comments: bool,
    /// Line ends of Windows.
    pub crlf: bool,
    /// `---` before and `...` behind it.
    pub marks: bool,
}

/// The looks a document can have.
pub fn looks() -> impl Strategy<Value = Look> {
    let weighted = prop::bool::weighted;
    (1..5_usize, any::<bool>(), weighted(0.3), weighted(0.2), weighted(0.2))
        .prop_map(|(indent, dashes_below, comments, crlf, marks)| Look { indent, dashes_below, comments, crlf, marks })
}

/// The text of a document, without the line `#cloud-config`.
pub fn render(value: &Value, look: Look) -> String {
    let mut writer = Writer { look, out: String::new(), anchors: HashSet::new(), lines: 0 };
    if look.marks {
        writer.out.push_str("---");
        writer.value(value, 0, false);
        writer.out.push_str("...\n");
    } else {
        writer.value(value, 0, false);
    }
    let text = writer.out.trim_start_matches([' ', '\n']).to_owned();
    if look.crlf { text.replace('\n', "\r\n") } else { text }
}

struct Writer {
    look: Look,
    out: String,
    /// Anchors that are complete, so that aliases may stand for them.
    anchors: HashSet<u8>,
    lines: usize,
}

impl Writer {
    /// Writes the value behind a key, a dash or at the very start, to the end of its last line. If `inline`, a
    /// mapping may begin on the same line.
    fn value(&mut self, value: &Value, column: usize, inline: bool) {
        match value {
            Value::Anchor(name, inner) => {
                self.put(format!(" &a{name}"));
                self.anchors.remove(name);
                self.value(inner, column, false);
                self.anchors.insert(*name);
            }
            Value::Tagged(tag, inner) => {
                self.put(format!(" {tag}"));
                self.value(inner, column, false);
            }
            Value::Text(text, Style::Plain) if text.is_empty() => self.end(""),
            Value::Text(text, style @ (Style::Literal | Style::Folded)) => match block(text, *style) {
                Some((head, lines)) => {
                    self.put(format!(" {head}{}\n", self.look.indent));
                    // Deeper than its parent, by as much as its head indicates; the whole document has no parent.
                    let pad = " ".repeat(column.max(self.look.indent));
                    for line in lines {
                        self.put(if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") });
                    }
                }
                None => self.end(&double(text)),
            },
            Value::List(items, false) if !items.is_empty() => self.list(items, column),
            Value::Mapping(entries, false) if !entries.is_empty() => self.mapping(entries, column, inline),
            other => {
                let flow = self.flow(other);
                self.end(&flow);
            }
        }
    }

    fn put(&mut self, text: impl AsRef<str>) {
        self.out.push_str(text.as_ref());
    }

    fn end(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.push(' ');
            self.out.push_str(text);
        }
        self.out.push('\n');
    }

    fn list(&mut self, items: &[Value], column: usize) {
        self.out.push('\n');
        for item in items {
            self.comment();
            self.put(format!("{}-", " ".repeat(column)));
            self.value(item, column + self.look.indent, self.look.indent > 1);
        }
    }

    fn mapping(&mut self, entries: &[(Value, Value)], column: usize, inline: bool) {
        if inline {
            // The other keys are aligned with the first key behind the dash.
            self.put(" ".repeat(self.look.indent - 1));
        } else {
            self.out.push('\n');
        }
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 || !inline {
                self.comment();
                self.put(" ".repeat(column));
            }
            let key = self.flow(key);
            // A long key, or one that is not a plain string, is not a simple key.
            let simple = key.len() < 100 && !key.is_empty() && !key.starts_with(['[', '{']);
            self.put(if simple { format!("{key} :") } else { format!("? {key}\n{}:", " ".repeat(column)) });
            if simple && !key.starts_with('*') {
                // An alias needs the blank, or it would have the colon in its name.
                self.out.truncate(self.out.len() - 2);
                self.out.push(':');
            }
            let is_list = matches!(value, Value::List(items, false) if !items.is_empty());
            let deeper = if is_list && self.look.dashes_below { 0 } else { self.look.indent };
            self.value(value, column + deeper, false);
        }
    }

    fn comment(&mut self) {
        self.lines += 1;
        if self.look.comments && self.lines.is_multiple_of(3) {
            self.out.push_str("# hunter2: a comment\n\n");
        }
    }

    /// A value on one line.
    fn flow(&mut self, value: &Value) -> String {
        match value {
            Value::Text(text, Style::Single) if single(text) => format!("'{}'", text.replace('\'', "''")),
            Value::Text(text, Style::Plain) if is_plain(text) => text.clone(),
            Value::Text(text, _) => double(text),
            Value::List(items, _) => {
                let items: Vec<_> = items.iter().map(|item| self.flow(item) + ", ").collect();
                format!("[{}]", items.concat())
            }
            Value::Mapping(entries, _) => {
                let entry = |(key, value): &(Value, Value)| format!("? {} : {}, ", self.flow(key), self.flow(value));
                let entries: Vec<_> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.concat())
            }
            Value::Anchor(name, inner) => {
                self.anchors.remove(name);
                let inner = self.flow(inner);
                self.anchors.insert(*name);
                format!("&a{name} {inner}")
            }
            Value::Alias(name) if self.anchors.contains(name) => format!("*a{name}"),
            Value::Alias(name) => format!("a{name}"),
            Value::Tagged(tag, inner) => format!("{tag} {}", self.flow(inner)),
        }
    }
}

/// Returns true if a text can be written without quotes as any value.
pub fn is_plain(text: &str) -> bool {
    const FIRST: &str = "-?:,[]{}#&*!|>'\"%@`= ";
    let printable = |c: char| {
        matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{10000}'..) && !matches!(c, '\u{2028}' | '\u{2029}')
    };
    !text.is_empty()
        && !text.starts_with(|c| FIRST.contains(c))
        && !text.ends_with([' ', ':'])
        && text != "..."
        && text.chars().all(|c| printable(c) && !"[]{},".contains(c))
        && !text.contains(": ")
        && !text.contains(" #")
}

fn single(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' '..='~' | '\t' | '\u{a1}'..='\u{1fff}' | '\u{10000}'..))
}

fn double(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        ' '..='~' | '\u{a1}'..='\u{1fff}' | '\u{10000}'.. => c.to_string(),
        c if u32::from(c) < 0x100 => format!("\\x{:02x}", u32::from(c)),
        c => format!("\\u{:04x}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Returns the head of a block without its indentation, and its lines; `None` if the text cannot be a block.
fn block(text: &str, style: Style) -> Option<(&'static str, Vec<&str>)> {
    let fits = text.chars().all(|c| matches!(c, ' '..='~' | '\t' | '\n' | '\u{a1}'..='\u{1fff}' | '\u{10000}'..));
    let content = text.trim_end_matches('\n');
    if !fits || content.is_empty() {
        return None;
    }
    let ends = text.len() - content.len();
    let mut lines: Vec<_> = content.split('\n').collect();
    lines.extend(std::iter::repeat_n("", ends.saturating_sub(1)));
    // Folding joins lines, unless there is but one.
    let folded = style == Style::Folded && lines.len() == 1;
    let head = match (folded, ends) {
        (false, 0) => "|-",
        (false, 1) => "|",
        (false, _) => "|+",
        (true, 0) => ">-",
        (true, _) => ">",
    };
    Some((head, lines))
}
