//! Items of lists of SSH keys that YAML does not read as they look, and the edits that correct this.

use std::borrow::Cow;

use super::block;
use super::missing_space::{MissingSpace, spaces};
use crate::diagnostic::{Finding, Span, rules};

/// The prefixes of the types of SSH public keys.
pub const KEY_TYPES: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];

/// Items of lists of SSH keys that YAML does not read as they look.
#[derive(Debug, Default)]
pub struct KeyItems {
    /// The items that lack the space after their `-`.
    pub missing: Vec<MissingSpace>,
    /// The items in double quotes that contain further double quotes.
    nested: Vec<Span>,
    /// The items whose quotes do not close at their end.
    quoted: Vec<Quoted>,
    /// The items without quotes that contain `: `, possibly on several lines.
    unquoted: Vec<Span>,
    /// The position of each `:` after the type of a key.
    typed: Vec<usize>,
    /// The position of each `-` on the line of the key of its list.
    dashes: Vec<usize>,
    /// The position of each second `-` of an item.
    doubled: Vec<usize>,
}

/// An item that begins with a quote and does not end with it.
#[derive(Debug)]
struct Quoted {
    item: Span,
    /// The positions of its quotes, one or two.
    quotes: Vec<usize>,
}

impl Quoted {
    /// Returns the quotes of `item`, which begins at `start`, if they do not close or more text follows them.
    fn find(item: &str, start: usize, is_key: &dyn Fn(&str) -> bool) -> Option<Self> {
        let quote = item.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let places: Vec<_> = item.match_indices(quote).map(|(at, _)| at).collect();
        let is_closed = item.len() > 1 && item.ends_with(quote);
        let behind = places.get(1).map_or("", |at| item[at + 1..].trim());
        if is_closed || behind.starts_with('#') || places.len() > 2 || !is_key(item.replace(quote, "").trim()) {
            return None;
        }
        let quotes = places.into_iter().map(|at| start + at).collect();
        Some(Self { item: Span::new(start, start + item.len()), quotes })
    }

    /// Returns the message and the remedy.
    fn words(&self) -> (&'static str, &'static str) {
        if self.quotes.len() == 1 {
            ("unclosed quote before an SSH key", "remove the quotes")
        } else {
            ("text after the closing quote of an SSH key", "put the whole item in quotes, or remove them")
        }
    }
}

/// The item that is being read.
struct KeyItem {
    span: Span,
    /// Lines that are indented further continue the item.
    indentation: usize,
    typed: Vec<usize>,
    has_colon: bool,
    /// True if its lines are keys and none of them follows a comment.
    is_keys: bool,
    commented: bool,
}

/// Finds the items of lists of SSH keys that YAML does not read as they look. `is_key` returns true for complete keys.
pub fn find(text: &str, is_key: &dyn Fn(&str) -> bool) -> KeyItems {
    let mut found = KeyItems::default();
    // Most documents have no such list, and this search is faster than splitting lines.
    if !text.contains("authorized") {
        return found;
    }
    // The indentation of the key of the current list, and the current item.
    let (mut list, mut item): (Option<usize>, Option<KeyItem>) = (None, None);
    // An item with open quotes, and its indentation. The next line shows whether they close there. At the end of the
    // text, the rest of the item may be truncated.
    let mut open: Option<(usize, Quoted)> = None;
    for (start, line, inside) in block::lines(text) {
        let inner = line.trim_start_matches(' ');
        let indentation = line.len() - inner.len();
        let at = start + indentation;
        let content = inner.trim_end();
        if content.is_empty() || content.starts_with('#') {
            // An item does not continue after a comment or a blank line.
            if let Some(item) = &mut item {
                item.commented = true;
            }
            continue;
        }
        found.quoted.extend(open.take().filter(|(depth, _)| indentation <= *depth).map(|(_, quoted)| quoted));
        let key = content.strip_prefix("- ").unwrap_or(content).trim_start();
        let list_key = ["ssh_authorized_keys:", "ssh-authorized-keys:"].iter().find_map(|key_| key.strip_prefix(key_));
        if let Some(value) = list_key.filter(|value| value.is_empty() || value.starts_with([' ', '\t'])) {
            found.end(item.take());
            let column = indentation + (content.len() - key.len());
            list = (!inside).then_some(column);
            let mut value = value.trim_start();
            if let Some(key) = value.strip_prefix("- ").map(str::trim_start).filter(|key| list.is_some() && is_key(key))
            {
                found.dashes.push(at + content.len() - value.len());
                value = key;
            }
            if list.is_some() && !value.is_empty() && !value.starts_with('#') {
                item = Some(KeyItem::new(at + content.len() - value.len(), value, column, is_key));
            }
            continue;
        }
        let Some(column) = list.filter(|list| !inside && indentation >= *list) else {
            found.end(item.take());
            list = None;
            continue;
        };
        if let Some(entry) = inner.strip_prefix('-') {
            found.end(item.take());
            let unquoted = entry.strip_prefix(['"', '\'']).unwrap_or(entry);
            if KEY_TYPES.iter().any(|kind| unquoted.starts_with(kind)) && entry.contains(" AAAA") {
                found.missing.push(MissingSpace { at: at + 1, sign: '-' });
            }
            let mut value = entry.trim();
            if entry.starts_with([' ', '\t']) {
                let mut start = at + 1 + (entry.len() - entry.trim_start().len());
                if let Some(key) = value.strip_prefix('-').filter(|key| is_whole(key, is_key)) {
                    found.doubled.push(start);
                    start += value.len() - key.trim_start().len();
                    value = key.trim_start();
                }
                if has_nested_quotes(value) && is_key(&value[1..value.len() - 1]) {
                    found.nested.push(Span::new(start, start + value.len()));
                } else if let Some(quoted) = Quoted::find(value, start, is_key) {
                    match quoted.quotes.len() {
                        1 => open = Some((indentation, quoted)),
                        _ => found.quoted.push(quoted),
                    }
                }
                item = Some(KeyItem::new(start, value, indentation, is_key));
            }
        } else if let Some(item) = item.as_mut().filter(|item| indentation > item.indentation) {
            item.go_on(at, content, is_key);
        } else if indentation > column && item.is_none() {
            item = Some(KeyItem::new(at, content, column, is_key));
        } else {
            found.end(item.take());
            list = None;
        }
    }
    found.end(item.take());
    found
}

impl KeyItem {
    fn new(start: usize, text: &str, indentation: usize, is_key: &dyn Fn(&str) -> bool) -> Self {
        let span = Span::new(start, start);
        let mut item = Self { span, indentation, typed: Vec::new(), has_colon: false, is_keys: true, commented: false };
        item.go_on(start, text, is_key);
        item.is_keys &= !text.starts_with(['"', '\'', '[', '{', '|', '>', '&', '*', '!', '%', '@', '`']);
        item
    }

    fn go_on(&mut self, at: usize, text: &str, is_key: &dyn Fn(&str) -> bool) {
        let value = text.split(" #").next().unwrap_or_default().trim_end();
        let colon =
            colon_of_type(value).filter(|colon| is_key(&value.replacen(&value[..=*colon], &value[..*colon], 1)));
        if let Some(colon) = colon {
            self.typed.push(at + colon);
        }
        let rest = &value[colon.map_or(0, |colon| colon + 1)..];
        let has_colon = rest.contains(": ") || rest.ends_with(':');
        self.has_colon |= has_colon;
        // A line that is not an SSH key can belong to the comment above, or be a key of the mapping.
        let is_part = colon.is_some() || is_key(value) || !has_colon && self.span.start < at;
        self.is_keys &= is_part && !self.commented;
        self.commented |= value.len() < text.len();
        self.span.end = at + value.len();
    }
}

/// Returns the position of the `:` after the type of a key.
fn colon_of_type(text: &str) -> Option<usize> {
    let (kind, body) = text.split_once(": ")?;
    let is_kind = KEY_TYPES.iter().any(|start| kind.starts_with(start)) && !kind.contains(' ');
    (is_kind && body.trim_start().starts_with("AAAA")).then_some(kind.len())
}

impl KeyItems {
    fn end(&mut self, item: Option<KeyItem>) {
        let Some(item) = item.filter(|item| item.is_keys) else { return };
        self.typed.extend(item.typed);
        if item.has_colon {
            self.unquoted.push(item.span);
        }
    }

    /// Applies the edits to `text` that do not change its length.
    pub fn replace<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut changed = Cow::Borrowed(text);
        for place in &self.nested {
            changed.to_mut().replace_range(place.start..=place.start, "'");
            changed.to_mut().replace_range(place.end - 1..place.end, "'");
        }
        for at in self.quoted.iter().flat_map(|item| &item.quotes) {
            changed.to_mut().replace_range(*at..=*at, " ");
        }
        for dash in self.dashes.iter().chain(&self.doubled) {
            changed.to_mut().replace_range(*dash..=*dash, " ");
        }
        for colon in &self.typed {
            // The type moves by one byte, so the length stays the same.
            let start = text[..*colon].rfind([' ', '\n']).map_or(0, |blank| blank + 1);
            changed.to_mut().replace_range(start..=*colon, &format!(" {}", &text[start..*colon]));
        }
        changed
    }

    /// Returns the insertions into `text`, in order.
    pub fn insertions(&self, text: &str) -> Vec<(usize, &'static str)> {
        let mut insertions = spaces(&self.missing);
        for place in &self.unquoted {
            insertions.push((place.start, "'"));
            let quotes = text[place.start..place.end].match_indices('\'');
            insertions.extend(quotes.map(|(at, _)| (place.start + at, "'")));
            insertions.push((place.end, "'"));
        }
        insertions.sort_unstable_by_key(|insertion| insertion.0);
        insertions
    }

    /// Reports keys that need quotes or have a `:` after the type. `origin` maps to positions in the source text.
    pub fn findings(&self, origin: &dyn Fn(usize) -> usize) -> Vec<Finding> {
        let find = |span: Span, message, help| {
            let span = Span::new(origin(span.start), origin(span.end));
            Finding::new(&rules::KEY_QUOTES, span, message).sets_key("the key is set").help(help)
        };
        let nested = self.nested.iter().map(|span| {
            let message = "double quotes inside of double quotes, which end the text";
            find(*span, message, "write single quotes around the item: `- 'KEY'`")
        });
        let quoted = self.quoted.iter().map(|found| {
            let (message, help) = found.words();
            find(found.item, message, help)
        });
        let message = "YAML reads this SSH key as a mapping because of its `:`";
        let unquoted =
            self.unquoted.iter().map(|span| find(*span, message, "write the item in single quotes: `- 'KEY'`"));
        let typed =
            self.typed.iter().map(|colon| find(Span::new(*colon, colon + 1), message, "write a space in its place"));
        let doubled = self.doubled.iter().map(|dash| {
            let span = Span::new(origin(*dash), origin(*dash + 1));
            let message = "a second `-` before an SSH key";
            Finding::new(&rules::WRONG_TYPE, span, message).sets_key("the key is set").help("write `- KEY`")
        });
        nested.chain(quoted).chain(unquoted).chain(typed).chain(doubled).collect()
    }
}

/// Returns true for an SSH key, which may be in quotes or precede a YAML comment.
fn is_whole(item: &str, is_key: &dyn Fn(&str) -> bool) -> bool {
    is_key(item.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']))
}

/// Returns the line of `text` that is an SSH key without a `-` before it, if it causes the error of YAML at `at`.
pub fn without_dash(text: &str, at: usize, is_key: &dyn Fn(&str) -> bool) -> Option<Span> {
    let line = block::BlockLine::at(text, at);
    let start = line.start + line.indentation();
    is_whole(line.text, is_key).then(|| Span::new(start, start + line.text.trim().len()))
}

/// Returns true for an SSH key in double quotes that contains double quotes, as options have, and no single quotes.
fn has_nested_quotes(item: &str) -> bool {
    let Some(inner) = item.strip_prefix('"').and_then(|item| item.strip_suffix('"')) else { return false };
    inner.contains('"')
        && !inner.contains("\\\"")
        && !inner.contains('\'')
        && inner.matches('"').count().is_multiple_of(2)
        && inner.contains(" AAAA")
        && KEY_TYPES.iter().any(|kind| inner.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::yaml::missing_space::Repaired;

    fn is_key(text: &str) -> bool {
        text.starts_with("ssh-rsa AAAA")
    }

    #[test]
    fn only_items_of_key_lists_are_key_items() {
        let found = |text: &str| find(text, &is_key).missing.len();
        assert_eq!(found("ssh_authorized_keys:\n-ssh-rsa AAAA\n-ecdsa-sha2-nistp256 AAAA\nhostname: a\n"), 2);
        assert_eq!(found("users:\n- ssh-authorized-keys: # mine\n  -ssh-ed25519 AAAA\n\n  # x\n  - ssh-rsa AAAA\n"), 1);
        assert_eq!(found("keys:\n-ssh-rsa AAAA\n"), 0);
        assert_eq!(found("a: |\n  ssh_authorized_keys:\n  -ssh-rsa AAAA\n"), 0);
        assert_eq!(found("ssh_authorized_keys:\nhostname: a\n-ssh-rsa AAAA\n"), 0);
        assert_eq!(found("ssh_authorized_keys:\n-x\n-ssh-rsa\n"), 0);
    }

    #[test]
    fn items_that_yaml_misreads_are_edited() {
        let edited = |text: &str| {
            let items = find(text, &is_key);
            let replaced = items.replace(text);
            Repaired::new(&replaced, &items.insertions(&replaced)).text
        };
        let list = |items: &str| format!("users: []\nssh_authorized_keys:{items}hostname: a\n");
        for (text, expected) in [
            (" ssh-rsa AAAA me: x # y\n", " 'ssh-rsa AAAA me: x' # y\n"),
            ("\n- ssh-rsa AAAA o'b: x\n", "\n- 'ssh-rsa AAAA o''b: x'\n"),
            ("\n  ssh-rsa AAAA me:\n  ssh-rsa AAAA b\n", "\n  'ssh-rsa AAAA me:\n  ssh-rsa AAAA b'\n"),
            ("\n- ssh-rsa AAAA a: b\n  ssh-rsa AAAA\n- x\n", "\n- 'ssh-rsa AAAA a: b\n  ssh-rsa AAAA'\n- x\n"),
            ("\n- -ssh-rsa AAAA\n- - ssh-rsa AAAA a\n", "\n-  ssh-rsa AAAA\n-   ssh-rsa AAAA a\n"),
            (" - ssh-rsa AAAA a\n  - ssh-rsa AAAA\n", "   ssh-rsa AAAA a\n  - ssh-rsa AAAA\n"),
            ("\n- ssh-rsa: AAAA me\n", "\n-  ssh-rsa AAAA me\n"),
            ("\n  ssh-rsa: AAAA me\n  ssh-rsa: AAAA\n", "\n   ssh-rsa AAAA me\n   ssh-rsa AAAA\n"),
        ] {
            assert_eq!(edited(&list(text)), list(expected));
        }
        for text in [
            "\n- ssh-rsa: AAAA me\n  name: x\n",
            "\n- 'ssh-rsa AAAA me: x'\n",
            "\n- ssh-rsa AAAA me: x\n  b: c\n",
            "\n- ssh-rsa AAAA me: x # a\n  ssh-rsa AAAA\n",
            "\n- key: ssh-rsa AAAA\n",
            "\n- -x\n- - - ssh-rsa AAAA\n",
            "\n- |\n  ssh-rsa AAAA me: x\n",
            " [ssh-rsa AAAA me: x]\n",
            " - x\n",
        ] {
            assert_eq!(edited(&list(text)), list(text));
        }
    }
}
