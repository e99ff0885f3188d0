//! The allowed disagreements of the schema and the validator, with reasons.

use std::sync::LazyLock;

use regex::Regex;

/// A disagreement.
pub struct Row {
    /// A pattern for the names of the documents.
    document: &'static str,
    /// The only one of the two that rejects something there.
    who: &'static str,
    /// A pattern for the place.
    place: &'static str,
    /// The reason, and why it is acceptable.
    pub reason: &'static str,
}

const VALIDATOR: &str = "the validator";
const SCHEMA: &str = "the schema";

pub const ROWS: &[Row] = &[
    Row {
        document: "case: (curly quotes around a value cost the value|a no-break space before a comment behind a value)",
        who: SCHEMA,
        place: r"users\[0\]\.system|coreos\.units\[0\]\.mask",
        reason: "a tool rejects the type of the value, and the validator a character in it",
    },
    Row {
        document: "case: a tag of another program on a list or mapping is not evaluated, .*",
        who: SCHEMA,
        place: r"users\[1\]|write_files\[1\]\.content",
        reason: "a tool rejects the type of the value, and the validator its tag",
    },
    Row {
        document: "case: a list of keys (without spaces behind its dashes still gives access|that begins on the line of its key)|case: an invalid key without a space behind its dash is not called set",
        who: SCHEMA,
        place: "unreadable: ScannerError",
        reason: "a tool does not read a document that the validator repairs",
    },
    Row {
        document: "case: a second dash before a key",
        who: SCHEMA,
        place: r"(users\[0\]\.)?ssh_authorized_keys\[.\]",
        reason: "the validator repairs the item, and has no place in the list for its dash",
    },
    Row {
        document: "case: a second dash before a key",
        who: VALIDATOR,
        place: r"(users\[0\]\.)?ssh_authorized_keys",
        reason: "the validator repairs the item, and has no place in the list for its dash",
    },
    Row {
        document: "table: permissions in no reading|case: other permissions refuse the file alone",
        who: VALIDATOR,
        place: r"write_files\[.\]\.permissions",
        reason: "a tool hands over a number, and not whether it was written in octal",
    },
    Row {
        document: "case: (an empty block scalar above unindented text refuses the file|a line of a script that looks .*)",
        who: SCHEMA,
        place: r"|write_files\[[01]\]",
        reason: "a key that is a line of lost content is reported as that",
    },
    Row {
        document: "case: a missing space inside of braces refuses its item",
        who: SCHEMA,
        place: r"(users|write_files|coreos\.units)\[.\](\.drop_ins\[0\])?|coreos\.update",
        reason: "a key without a space behind its colon is reported as that",
    },
    Row {
        document: "case: (octal permissions of three .*|a missing value of permissions or encoding .*)",
        who: VALIDATOR,
        place: r"write_files\[.\]\.(permissions|encoding)",
        reason: "the schema cannot tell a missing value from `null`, which is accepted",
    },
    Row {
        document: "table: a strategy that says no",
        who: VALIDATOR,
        place: "coreos.update.reboot_strategy",
        reason: "no and off are the same to a tool",
    },
    Row {
        document: "table: a command on a unit of no type|case: a (suffix that nobody knows|template has no command).*",
        who: VALIDATOR,
        place: r"coreos\.units\[0\](\.command|\.enable)?",
        reason: "what may be done with a unit depends on its name",
    },
    Row {
        document: "case: a (unit whose name is the path of a drop-in is one|drop-in by its path takes no .*)",
        who: VALIDATOR,
        place: r"coreos\.units\[[0-9]\](\.[a-z_]+(\[0\])?)?",
        reason: "what an entry of `units` may have depends on its name",
    },
    Row {
        document: "table: binary data for text|case: binary content that is none .*",
        who: VALIDATOR,
        place: r"hostname|write_files\[0\]\.content",
        reason: "what `!!binary` stands for is no longer to be seen",
    },
    Row {
        document: "table: (infinity|a number that is too large)",
        who: VALIDATOR,
        place: "coreos.etcd.retry_interval",
        reason: "a number that has no end is none in JSON, and how large one is that is written as text, no pattern tells",
    },
    Row {
        document: "table: a whole number with a fraction and an exponent",
        who: SCHEMA,
        place: "coreos.etcd.max_wals",
        reason: "that 1.5e1 is a whole number, no pattern tells",
    },
    Row {
        document: "table: a key given twice",
        who: SCHEMA,
        place: "write_files",
        reason: "only the last of two spellings counts; to a tool they are two keys",
    },
    Row {
        document: "case: a mapping that is merged in many places is reported once",
        who: SCHEMA,
        place: r"write_files\[1\]",
        reason: "what is written once is told once; a tool sees it wherever it is merged",
    },
];

impl Row {
    /// Returns true if only the corpus needs the row.
    pub fn is_of_the_corpus(&self) -> bool {
        self.document.starts_with("corpus: ")
    }
}

/// The row that allows a disagreement.
pub fn find(document: &str, who: &str, place: &str) -> Option<usize> {
    static PATTERNS: LazyLock<Vec<[Regex; 2]>> = LazyLock::new(|| {
        let whole = |pattern: &str| Regex::new(&format!("^(?:{pattern})$")).unwrap();
        ROWS.iter().map(|row| [whole(row.document), whole(row.place)]).collect()
    });
    let allows = |(row, [names, places]): (&Row, &[Regex; 2])| {
        row.who == who && names.is_match(document) && places.is_match(place)
    };
    ROWS.iter().zip(&*PATTERNS).position(allows)
}
