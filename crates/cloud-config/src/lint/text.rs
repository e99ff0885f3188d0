//! Text that is not in quotes and that other readers of YAML take for something else (docs/cloud-config.md).

use crate::config::options::{OptionType, OptionValue, Options, Service};
use crate::config::{CloudConfig, CoreOs, File, Unit, User};
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml::{Field, is_boolean, looks_like};

/// The longest text that could be taken for a number or the like.
const LONGEST: usize = 64;

/// What is worth noting of the texts of `config`; `text` is the part as its author wrote it.
pub(super) fn lint(config: &CloudConfig, text: &str) -> Vec<Finding> {
    let mut texts = Texts { part: text, findings: Vec::new() };
    texts.look(&config.hostname);
    config.users.iter().filter_map(|user| user.get()).for_each(|user| texts.user(user));
    config.write_files.iter().filter_map(|file| file.get()).for_each(|file| texts.file(file));
    texts.coreos(&config.coreos);
    texts.findings
}

struct Texts<'a> {
    part: &'a str,
    findings: Vec<Finding>,
}

impl Texts<'_> {
    /// Looks at a text. One that is not plain begins with something else in the part, as one does that has a token.
    fn look_at(&mut self, value: &str, span: Option<Span>) {
        let Some(span) = span.filter(|_| value.len() <= LONGEST) else { return };
        if self.part.get(span.start..span.end) != Some(value) {
            return;
        }
        if let Some(kind) = looks_like(value) {
            let message = format!("text that other readers of YAML take for {kind}; here it is the text as written");
            self.findings.push(Finding::new(&rules::YAML_TYPED_TEXT, span, message).help("put it in quotes"));
        }
    }

    fn look(&mut self, field: &Field<String>) {
        self.look_at(field.text(), field.span);
    }

    fn user(&mut self, user: &User) {
        if let Some(passwd) = user.passwd.get() {
            self.look_at(passwd.expose(), user.passwd.span);
        }
        let single = [&user.name, &user.gecos, &user.homedir, &user.primary_group, &user.shell];
        single.into_iter().chain(&user.groups.0).for_each(|field| self.look(field));
    }

    fn file(&mut self, file: &File) {
        let content = file.content.get().map(|content| &content.expose().0).filter(|bytes| bytes.len() <= LONGEST);
        if let Some(content) = content.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
            self.look_at(content, file.content.span);
        }
        self.look(&file.path);
        self.look(&file.owner);
    }

    fn coreos(&mut self, coreos: &CoreOs) {
        coreos.units.iter().filter_map(|unit| unit.get()).for_each(|unit| self.unit(unit));
        if let Some(update) = coreos.update.get() {
            // The strategy is a word of its own, and may be `off`.
            self.look(&update.group);
            self.look(&update.server);
        }
        if let Some(oem) = coreos.oem.get() {
            for field in [&oem.id, &oem.name, &oem.version_id, &oem.home_url, &oem.bug_report_url] {
                self.look(field);
            }
        }
        self.options(&coreos.etcd);
        self.options(&coreos.etcd2);
        self.options(&coreos.fleet);
        self.options(&coreos.locksmith);
        self.options(&coreos.flannel);
    }

    fn unit(&mut self, unit: &Unit) {
        self.look(&unit.name);
        unit.drop_ins.iter().filter_map(|drop_in| drop_in.get()).for_each(|drop_in| self.look(&drop_in.name));
    }

    /// Options that take words or times of their own, such as `proxy: on`, are meant as they are, and so are truth
    /// values: where the table says text, the service reads them itself.
    fn options<S: Service>(&mut self, field: &Field<Options<S>>) {
        let Some(options) = field.get() else { return };
        for (option, field) in &options.set {
            if let (OptionType::Text, None, Some(OptionValue::Text(text))) = (option.kind, option.known, field.get())
                && !is_boolean(text)
            {
                self.look_at(text, field.span);
            }
        }
    }
}
