//! A browser without scripts: it opens pages, fills in forms by their fields and presses their buttons. Every opened
//! page is checked for accessibility without a mouse and with a screen reader.

use std::collections::{BTreeSet, HashMap};

use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, StatusCode, redirect::Policy};
use scraper::{ElementRef, Html, Selector};

use crate::support::Harness;

/// A person with a browser.
pub(crate) struct Browser {
    client: Client,
    pub(crate) base: String,
    pub(crate) cookie: Option<String>,
}

/// A page as it is displayed.
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    /// Its path, with the query and the fragment of the request.
    pub(crate) at: String,
    pub(crate) html: Html,
    pub(crate) source: String,
}

/// A button's label, another target of the form if it has one, and the field it adds.
type Button = (String, Option<String>, Option<(String, String)>);

/// A form being filled in.
#[derive(Debug, Clone)]
pub(crate) struct Filled {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
    /// Name and value of check boxes and options that are not selected.
    offered: Vec<(String, String)>,
    buttons: Vec<Button>,
}

fn select(selector: &str) -> Selector {
    Selector::parse(selector).unwrap()
}

fn words(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Browser {
    /// A browser that acts as nobody yet.
    pub(crate) fn of(harness: &Harness) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, base: harness.playground.url.clone(), cookie: None }
    }

    /// A browser that acts as a person, after choosing them on the page.
    pub(crate) async fn acting_as(harness: &Harness, login: &str) -> Self {
        let mut browser = Self::of(harness);
        browser.act_as(login).await;
        browser
    }

    /// Chooses the person to act as.
    pub(crate) async fn act_as(&mut self, login: &str) -> Shown {
        let page = self.open("/-/sign-in?back=%2F").await;
        let page = self.send(page.form(&format!("as-{login}")).press(&format!("Act as {login}"))).await;
        assert!(page.words().contains(&format!("Acting as {login}")), "{}", page.words());
        page
    }

    /// Opens a page, which must exist.
    pub(crate) async fn open(&mut self, path: &str) -> Shown {
        let page = self.ask(Method::GET, path, None).await;
        assert_eq!(page.status, 200, "{path}: {}", page.words());
        page
    }

    /// Sends a form, and follows the redirect.
    pub(crate) async fn send(&mut self, form: Filled) -> Shown {
        self.ask(Method::POST, &form.action, Some(&form.fields)).await
    }

    async fn ask(&mut self, mut method: Method, path: &str, form: Option<&[(String, String)]>) -> Shown {
        let (mut at, mut body) = (path.to_owned(), form.map(encoded));
        for _ in 0..5 {
            let mut request = self.client.request(method.clone(), format!("{}{at}", self.base));
            if let Some(cookie) = &self.cookie {
                request = request.header(COOKIE, cookie);
            }
            if let Some(body) = body.take() {
                let kind = "application/x-www-form-urlencoded";
                request = request.header("content-type", kind).header(ORIGIN, &self.base).body(body);
            }
            let response = request.send().await.unwrap();
            if let Some(cookie) = response.headers().get(SET_COOKIE) {
                self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
            }
            if response.status().is_redirection() {
                if method == Method::POST {
                    assert_eq!(response.status(), 303, "a form leads to a page that can be loaded again");
                }
                at = response.headers()[LOCATION].to_str().unwrap().to_owned();
                method = Method::GET;
                continue;
            }
            let status = response.status();
            let source = response.text().await.unwrap();
            let shown = Shown { status, at, html: Html::parse_document(&source), source };
            shown.is_for_everybody();
            return shown;
        }
        panic!("{path} leads in circles")
    }
}

fn encoded(fields: &[(String, String)]) -> String {
    let encode = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        });
        bytes.collect::<String>()
    };
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

impl Shown {
    /// All text of the page.
    pub(crate) fn words(&self) -> String {
        words(self.html.root_element())
    }

    /// The texts of the elements that a selector matches.
    pub(crate) fn words_of(&self, selector: &str) -> Vec<String> {
        self.html.select(&select(selector)).map(words).collect()
    }

    /// The targets of the links that a selector matches.
    pub(crate) fn links(&self, selector: &str) -> Vec<String> {
        let selector = select(selector);
        self.html.select(&selector).map(|link| link.attr("href").unwrap_or_default().to_owned()).collect()
    }

    /// The text of the refusal, if there is one.
    pub(crate) fn refusal(&self) -> String {
        self.words_of("[role=alert]").join("; ")
    }

    /// The value of a field of the page, by its id.
    pub(crate) fn form_value(&self, id: &str) -> String {
        let field = self.html.select(&select(&format!("[id='{id}']"))).next();
        field.and_then(|field| field.attr("value")).unwrap_or_default().to_owned()
    }

    /// The form with this id, with its present values.
    #[track_caller]
    pub(crate) fn form(&self, id: &str) -> Filled {
        let form = self.html.select(&select(&format!("form[id='{id}']"))).next();
        let form = form.unwrap_or_else(|| panic!("there is no form {id} among {:?} at {}", self.forms(), self.at));
        Filled::of(form)
    }

    /// The ids of all forms.
    pub(crate) fn forms(&self) -> Vec<String> {
        self.html.select(&select("form[id]")).filter_map(|form| form.attr("id")).map(str::to_owned).collect()
    }

    /// The accessibility rules for every page. <https://www.w3.org/WAI/WCAG22/quickref/>
    fn is_for_everybody(&self) {
        let at = &self.at;
        let all = |selector: &str| self.html.select(&select(selector)).collect::<Vec<_>>();
        assert_eq!(all("html[lang=en]").len(), 1, "{at} says no language");
        assert_eq!(all("h1").len(), 1, "{at} has {:?}", self.words_of("h1"));
        assert_eq!(all("main").len(), 1, "{at}");
        assert!(!words(all("title")[0]).is_empty() && all("meta[name=viewport]").len() == 1, "{at}");
        let first = all("a, button, input, select, textarea, summary")[0];
        assert_eq!(first.attr("href"), Some("#content"), "{at}: the first stop leads past the head");
        let mut ids = BTreeSet::new();
        for element in all("[id]") {
            assert!(ids.insert(element.attr("id").unwrap()), "{at} has the id {:?} twice", element.attr("id"));
        }
        let labelled: HashMap<&str, String> =
            all("label[for]").into_iter().map(|label| (label.attr("for").unwrap(), words(label))).collect();
        for field in all("input:not([type=hidden]), select, textarea") {
            if field.attr("disabled").is_some() {
                continue;
            }
            let label =
                field.attr("id").and_then(|id| labelled.get(id)).map(String::as_str).or(field.attr("aria-label"));
            assert!(label.is_some_and(|label| !label.is_empty()), "{at}: {} has no label", field.html());
        }
        for button in all("button, summary, main a[href]") {
            let name = button.attr("aria-label").map_or_else(|| words(button), str::to_owned);
            assert!(!name.is_empty() || button.html().contains("title="), "{at}: {} says nothing", button.html());
        }
        for element in all("*") {
            let name = element.value().name();
            assert!(!["script", "iframe", "object", "embed", "base"].contains(&name), "{at} has a {name}");
            for (attribute, value) in element.value().attrs() {
                assert!(!attribute.starts_with("on"), "{at}: {}", element.html());
                assert!(attribute != "tabindex" || ["0", "-1"].contains(&value), "{at} jumps: {}", element.html());
                let target = value.trim().to_lowercase();
                assert!(
                    !["href", "src", "action", "formaction"].contains(&attribute) || !target.starts_with("javascript:"),
                    "{at}: {}",
                    element.html()
                );
            }
        }
        for form in all("form") {
            let is_post = form.attr("method") == Some("post");
            let token = select("input[name=token]");
            assert_eq!(form.select(&token).count(), usize::from(is_post), "{at}: {}", form.html());
        }
    }
}

impl Filled {
    fn of(form: ElementRef<'_>) -> Self {
        let mut filled =
            Self { action: form.attr("action").unwrap().to_owned(), fields: vec![], offered: vec![], buttons: vec![] };
        for element in form.select(&select("input, textarea, select, button")) {
            let name = element.attr("name").unwrap_or_default().to_owned();
            let value = element.attr("value").unwrap_or_default().to_owned();
            match (element.value().name(), element.attr("type").unwrap_or_default()) {
                ("button", _) => {
                    let word = element.attr("aria-label").map_or_else(|| words(element), str::to_owned);
                    let more = (!name.is_empty()).then_some((name, value));
                    filled.buttons.push((word, element.attr("formaction").map(str::to_owned), more));
                }
                ("input", "checkbox" | "radio") if element.attr("checked").is_none() => {
                    filled.offered.push((name, value));
                }
                ("textarea", _) => filled.fields.push((name, element.text().collect())),
                ("select", _) => {
                    let options: Vec<_> = element.select(&select("option")).collect();
                    let value = |option: &ElementRef<'_>| option.attr("value").unwrap_or_default().to_owned();
                    let chosen = options.iter().find(|option| option.attr("selected").is_some()).or(options.first());
                    filled.offered.extend(options.iter().map(|option| (name.clone(), value(option))));
                    filled.fields.extend(chosen.map(|option| (name.clone(), value(option))));
                }
                _ => filled.fields.push((name, value)),
            }
        }
        filled
    }

    /// The value of a field.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Sets a field.
    #[track_caller]
    pub(crate) fn write(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(field, _)| field == name);
        value.clone_into(&mut field.unwrap_or_else(|| panic!("there is no field {name}")).1);
        self
    }

    /// Ticks a box, or selects one of several values.
    #[track_caller]
    pub(crate) fn tick(mut self, name: &str, value: &str) -> Self {
        let offer = (name.to_owned(), value.to_owned());
        assert!(self.offered.contains(&offer), "{name}={value} is not among {:?}", self.offered);
        self.fields.push(offer);
        self
    }

    /// Selects another value.
    #[track_caller]
    pub(crate) fn choose(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.tick(name, value)
    }

    /// Unticks a box.
    #[track_caller]
    pub(crate) fn untick(mut self, name: &str, value: &str) -> Self {
        let gone = (name.to_owned(), value.to_owned());
        let at = self.fields.iter().rposition(|field| *field == gone).expect("it is ticked");
        self.fields.remove(at);
        self
    }

    /// Presses a button, by its label.
    #[track_caller]
    pub(crate) fn press(mut self, word: &str) -> Self {
        let found = self.buttons.iter().find(|button| button.0 == word).cloned();
        let (_, action, more) = found.unwrap_or_else(|| panic!("{word} is not among {:?}", self.buttons));
        self.action = action.unwrap_or(self.action);
        self.fields.extend(more);
        self
    }
}
