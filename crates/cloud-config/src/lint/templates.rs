//! Template expressions that were not rendered, outside of contents.

use std::ops::Range;

use crate::address_tokens::Address;
use crate::diagnostic::{Finding, Findings, Span, rules};
use crate::yaml::{self, Kind, Node, ParsedYaml};

/// The beginnings of expressions, their ends, and the programs that render them.
const EXPRESSIONS: [(&str, &str); 9] = [
    ("{{", "}}"),
    ("{%", "%}"),
    ("{#", "#}"),
    ("<%", "%>"),
    ("${", "}"),
    ("%{", "}"),
    ("#{", "}"),
    ("%!", ")"),
    ("<no value>", ""),
];

/// The remedy for an expression.
pub const HELP: &str = "render the template first: this program has no template engine";

/// Reports the expressions in `text`, the source text of `document`.
pub(super) fn lint(document: &ParsedYaml, text: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    if !EXPRESSIONS.iter().any(|(sign, _)| text.contains(sign)) {
        return Vec::new();
    }
    let mut contents = Vec::new();
    if let Some(root) = &document.root {
        gather(root, "", &mut contents);
    }
    contents.sort_unstable();
    // For a broken document, it is unknown how YAML would parse a line.
    let root = document.root.as_ref().filter(|_| document.error.is_none() && text.contains("#{"));
    let scalars = root.map(|root| {
        let mut scalars = Vec::new();
        gather_scalars(root, &mut scalars);
        scalars.sort_unstable();
        scalars
    });
    for (start, line, is_block) in yaml::lines(text) {
        if is_block || line.trim_start().starts_with('#') {
            continue;
        }
        // `#{…}` is a comment to YAML, but may be an expression of Ruby.
        let is_comment = |at: &usize| {
            let rest = &line[at + 1..];
            let is_ruby = rest.starts_with("#{") && first(rest).is_some_and(|found| found.0 == 0);
            !(is_ruby || rest.starts_with("#}") && line[..*at].contains("{#"))
        };
        let end = line.match_indices(" #").map(|(at, _)| at).find(is_comment).unwrap_or(line.len());
        let content_here = value_of_content(line);
        let mut from = 0;
        while let Some((at, length)) = first(&line[from..end]).map(|(at, length)| (from + at, length)) {
            from = at + length;
            let span = Span::new(start + at, start + at + length);
            let before = contents.partition_point(|content: &Span| content.start <= span.start);
            let is_content = before.checked_sub(1).is_some_and(|last| span.start < contents[last].end);
            let comment = scalars.as_ref().and_then(|scalars| Comment::of(text, line, span.start, at, scalars));
            // After an error, the tree of the document has no contents, so the key on the line counts.
            let is_in_content = is_content || content_here.contains(&at);
            if comment.is_some() || !is_in_content {
                findings.add(&rules::TEMPLATE, || {
                    let consequence = match comment {
                        Some(Comment::InPlaceOfValue) => " in a YAML comment; ignored, so that the value is empty",
                        Some(Comment::Other) => " in a YAML comment; ignored",
                        None => "; applied anyway",
                    };
                    let message = format!("unrendered template expression{consequence}");
                    Finding::new(&rules::TEMPLATE, span, message).help(HELP)
                });
                if comment.is_some() {
                    break;
                }
            }
        }
    }
    findings.into_list()
}

/// A YAML comment that may be a template expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comment {
    /// The comment is where a value is missing.
    InPlaceOfValue,
    Other,
}

impl Comment {
    /// Returns the kind of the comment that YAML makes of the expression at byte `column` of `line`, if it does. `at`
    /// is the position of the expression in `text`, and `scalars` are the positions of all scalars, in order.
    fn of(text: &str, line: &str, at: usize, column: usize, scalars: &[Span]) -> Option<Self> {
        let before = &line[..column];
        if !(line[column..].starts_with("#{") && before.ends_with([' ', '\t'])) {
            return None;
        }
        let next = scalars.partition_point(|scalar| scalar.start <= at);
        if next.checked_sub(1).is_some_and(|last| at < scalars[last].end) {
            return None;
        }
        let is_value = before.trim_end().ends_with([':', '-']);
        // The value may follow on the next lines.
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
        let below = text.get(at..).unwrap_or_default().lines().skip(1);
        let below = below.map(str::trim_end).find(|line| !(line.is_empty() || line.trim_start().starts_with('#')));
        let is_empty = below.is_none_or(|below| {
            let is_deeper = indent(below) > indent(before) && below.starts_with(' ');
            let is_item = !before.trim_start().starts_with('-') && below.trim_start().starts_with("- ");
            !is_deeper && !is_item
        });
        Some(if is_value && is_empty { Self::InPlaceOfValue } else { Self::Other })
    }
}

/// Returns the position and length of the first expression in `line`.
fn first(line: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let found = line[from..].find(['{', '<', '$', '%', '#'])? + from;
        let rest = &line[found..];
        let expression = EXPRESSIONS.iter().find(|(sign, _)| rest.starts_with(sign));
        if let Some((sign, end)) = expression
            && is_expression(sign, window(&rest[sign.len()..]))
        {
            let inner = window(&rest[sign.len()..]);
            let length = if end.is_empty() { 0 } else { inner.find(end).map_or(0, |at| at + end.len()) };
            return Some((found, sign.len() + length));
        }
        from = found + 1;
    }
}

/// Returns true if `rest` continues an expression that begins with `sign`.
fn is_expression(sign: &str, rest: &str) -> bool {
    match sign {
        // The name of an address token has its own note.
        "${" => {
            let is_name = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            is_name && rest.contains('}') && !Address::ALL.iter().any(|kind| rest.starts_with(kind.token()))
        }
        "%{" => {
            let word = rest.trim_start_matches(['~', ' ']);
            let is_statement = ["if ", "for ", "else", "endif", "endfor"].iter().any(|start| word.starts_with(start));
            is_statement && rest.contains('}')
        }
        "<%" => rest.contains("%>"),
        "{#" => rest.contains("#}"),
        "#{" => {
            let end = rest.find('}').unwrap_or_default();
            end > 0 && rest[..end].chars().all(|c| c.is_ascii_alphanumeric() || "_.@:[]'\"()-".contains(c))
        }
        // Go's `fmt` prints this for an argument of the wrong type, such as `%!d(string=x)`.
        "%!" => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            rest.starts_with('(') && rest.contains(')')
        }
        _ => true,
    }
}

/// The longest expression that is searched for, in bytes. A line may consist of megabytes of signs.
const LONGEST: usize = 200;

/// Cuts `text` to the length of the longest expression.
fn window(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// Returns the range of the value of the first key `content` in `line`.
fn value_of_content(line: &str) -> Range<usize> {
    const KEY: &str = "content:";
    let Some(at) = line.find(KEY) else { return 0..0 };
    let above = line[..at].trim_end_matches(['"', '\'']).trim_end();
    if !above.is_empty() && !above.ends_with(['-', '{', ',']) {
        return 0..0;
    }
    let start = at + KEY.len();
    let value = line[start..].trim_start();
    // Without quotes, YAML parses the expression as a mapping.
    if value.starts_with("{{") || value.starts_with("{%") {
        return 0..0;
    }
    // In a mapping with braces, another key may follow a plain value.
    let end = if value.starts_with(['"', '\'']) { None } else { line[start..].find(", ") };
    start..end.map_or(line.len(), |end| start + end)
}

/// Collects the positions of all scalars in `node`.
fn gather_scalars(node: &Node, scalars: &mut Vec<Span>) {
    match &node.kind {
        Kind::Scalar(_) => scalars.push(node.span),
        Kind::List(items) => items.iter().for_each(|item| gather_scalars(item, scalars)),
        Kind::Mapping(mapping) => mapping.entries.iter().for_each(|entry| gather_scalars(&entry.value, scalars)),
    }
}

/// Collects the positions of the contents in `node`.
fn gather(node: &Node, key: &str, contents: &mut Vec<Span>) {
    match &node.kind {
        Kind::Scalar(_) if key == "content" => contents.push(node.span),
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| gather(item, "", contents)),
        Kind::Mapping(mapping) => mapping.entries.iter().for_each(|entry| gather(&entry.value, &entry.key, contents)),
    }
}

#[cfg(test)]
mod tests {
    use super::lint;
    use crate::lint::found_texts;
    use crate::yaml::parse;

    fn found(text: &str) -> Vec<&str> {
        found_texts(lint, text)
    }

    #[test]
    fn expressions_outside_of_contents_are_found() {
        for (text, expressions) in [
            ("hostname: {{ .Name }}\n", &["{{ .Name }}"][..]),
            ("hostname: \"{{ a }}-{{ b }}\"\n", &["{{ a }}", "{{ b }}"]),
            ("write_files:\n- path: \"/etc/${domain}.conf\"\n", &["${domain}"]),
            ("hostname: <%= x %>\n", &["<%= x %>"]),
            ("hostname: <no value>\n", &["<no value>"]),
            ("%{ if x }\nhostname: a\n%{ endif ~}\n", &["%{ if x }", "%{ endif ~}"]),
            ("{% if x %}\nhostname: a\n{% endif %}\n", &["{% if x %}", "{% endif %}"]),
            ("{%- for x in y -%}\n", &["{%- for x in y -%}"]),
            ("hostname: a{{ b\n", &["{{"]),
            ("hostname: #{name}\n", &["#{name}"]),
            ("hostname: web-#{node['name']} # x #{y}\n", &["#{node['name']}"]),
            ("{# the host name #}\nhostname: a\n", &["{# the host name #}"]),
            ("write_files:\n- path: /etc/%!d(string=x)\n", &["%!d(string=x)"]),
            ("a: {content: x, path: \"/${y}\"}\n", &["${y}"]),
        ] {
            assert_eq!(found(text), expressions, "{text}");
        }
    }

    #[test]
    fn an_expression_that_yaml_reads_as_a_comment_is_called_one() {
        const EMPTY: &str = " in a YAML comment; ignored, so that the value is empty";
        const ANYWAY: &str = "; applied anyway";
        const COMMENT: &str = " in a YAML comment; ignored";
        for (text, consequence) in [
            ("hostname: #{name}\n", EMPTY),
            ("hostname:\t#{name}\nusers: []\n", EMPTY),
            ("ssh_authorized_keys:\n- #{key}\n- a\n", EMPTY),
            ("write_files:\n- path: #{path}\n  owner: root\n", EMPTY),
            ("write_files:\n- path: #{path}\n  # x\n\n- owner: root\n", EMPTY),
            ("write_files:\n- path: /a\n  content: #{body}\n  owner: root\n", EMPTY),
            ("hostname: a #{name}\n", COMMENT),
            ("hostname: #{name}\n  a\n", COMMENT),
            ("ssh_authorized_keys: #{key}\n- a\n", COMMENT),
            ("hostname: \"a #{name}\"\n", ANYWAY),
            ("hostname: 'a: #{name}'\n", ANYWAY),
            ("hostname: a#{name}\n", ANYWAY),
            ("hostname: {{ name }}\n", ANYWAY),
            ("write_files:\n- {path: \"${a}\", content: \"a #{name}\n    b #{name}\"}\n", ANYWAY),
            ("a: [\nhostname: #{name}\n", ANYWAY),
        ] {
            let messages: Vec<_> = lint(&parse(text, |at| at), text).into_iter().map(|found| found.message).collect();
            assert_eq!(messages, [format!("unrendered template expression{consequence}")], "{text}");
        }
    }

    #[test]
    fn contents_comments_and_other_signs_are_none() {
        for text in [
            "write_files:\n- content: |\n    {{ x }} ${y}\n  path: /a\n",
            "write_files:\n- content: \"{{ x }} ${y}\n    <no value>\"\n  path: /a\n",
            "write_files: [{content: '{% x %}', path: /a}]\n",
            "# {{ x }}\nhostname: a # ${b}\n",
            "#{x}\nhostname: a #{ a note } {#x\nb: a #note {# x #}\nc: 100%!\n",
            "hostname: ${public_ipv4}\n",
            "users: [{passwd: $6$abc$def, gecos: 100%{x, shell: <%}]\n",
            "a: $HOME $(x) %i %%{ $${ ${1}\n",
            "write_files:\n- content: \"{{ x }}\"\n  path: 'a\n",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
