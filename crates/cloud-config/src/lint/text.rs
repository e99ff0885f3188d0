//! Plain text that other YAML parsers read as another type (docs/cloud-config.md).

use crate::config::options::{OptionType, OptionValue, Options, Service};
use crate::config::{CloudConfig, CoreOs, FieldValue};
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml::{Field, is_boolean, looks_like};

/// The longest text that could be read as a number or a similar type.
const LONGEST: usize = 64;

/// Checks the strings of `config`. `text` is the source text of the part.
pub(super) fn lint(config: &CloudConfig, text: &str) -> Vec<Finding> {
    let mut texts = Texts { part: text, findings: Vec::new() };
    config.each_field(|row, value| {
        if row.free_text {
            texts.check_value(value);
        }
    });
    texts.check_coreos(&config.coreos);
    texts.findings
}

struct Texts<'a> {
    part: &'a str,
    findings: Vec<Finding>,
}

impl Texts<'_> {
    /// Checks a string. If it is quoted or has a token, its source text begins differently, and it is not reported.
    fn check_text(&mut self, value: &str, span: Option<Span>) {
        let Some(span) = span.filter(|_| value.len() <= LONGEST) else { return };
        if self.part.get(span.start..span.end) != Some(value) {
            return;
        }
        if let Some(kind) = looks_like(value) {
            let message = format!("unquoted string that is {kind} in YAML 1.1; applied anyway, as a string");
            let finding = Finding::new(&rules::YAML_TYPED_TEXT, span, message).about_path("");
            self.findings.push(finding.help("put it in quotes"));
        }
    }

    fn check_field(&mut self, field: &Field<String>) {
        self.check_text(field.text(), field.span);
    }

    fn check_value(&mut self, value: FieldValue<'_>) {
        match value {
            FieldValue::Text(field) => self.check_field(field),
            FieldValue::Texts(fields) => fields.iter().for_each(|field| self.check_field(field)),
            FieldValue::Secret(field) => {
                if let Some(text) = field.get() {
                    self.check_text(text.expose(), field.span);
                }
            }
            FieldValue::Content(field) => {
                let content = field.get().map(|content| &content.expose().0).filter(|bytes| bytes.len() <= LONGEST);
                if let Some(content) = content.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                    self.check_text(content, field.span);
                }
            }
            FieldValue::Flag(_) | FieldValue::Section => {}
        }
    }

    fn check_coreos(&mut self, coreos: &CoreOs) {
        self.options(&coreos.etcd);
        self.options(&coreos.etcd2);
        self.options(&coreos.fleet);
        self.options(&coreos.locksmith);
        self.options(&coreos.flannel);
    }

    /// Checks the options of a service. Options with words or times, such as `proxy: on`, are meant as written. So are
    /// booleans: if an option is a string in the table, the service itself parses it.
    fn options<S: Service>(&mut self, field: &Field<Options<S>>) {
        let Some(options) = field.get() else { return };
        for (option, field) in &options.set {
            if let (OptionType::Text, None, Some(OptionValue::Text(text))) = (option.kind, option.known, field.get())
                && !is_boolean(text)
            {
                self.check_text(text, field.span);
            }
        }
    }
}
