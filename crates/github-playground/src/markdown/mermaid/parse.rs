//! Parses the text of a flowchart.

use std::collections::HashMap;

use super::{Edge, Graph, Line, Node, Shape, Style};

/// The brackets of a node's text, and the shape that they mean. Longer ones come first.
const BRACKETS: [(&str, &str, Shape); 11] = [
    ("([", "])", Shape::Stadium),
    ("[[", "]]", Shape::Rectangle),
    ("[(", ")]", Shape::Rounded),
    ("((", "))", Shape::Circle),
    ("{{", "}}", Shape::Hexagon),
    ("[/", "/]", Shape::Rectangle),
    ("[\\", "\\]", Shape::Rectangle),
    ("[", "]", Shape::Rectangle),
    ("(", ")", Shape::Rounded),
    ("{", "}", Shape::Diamond),
    (">", "]", Shape::Rectangle),
];

/// Parses a flowchart; `None` if it is not one, or if a statement is not supported.
pub(super) fn parse(source: &str) -> Option<Graph> {
    let mut reader = Reader::default();
    let mut statements = source.lines().filter(|line| !line.trim_start().starts_with("%%")).flat_map(statements);
    let header = statements.by_ref().find(|statement| !statement.is_empty())?;
    let mut words = header.split_whitespace();
    if !matches!(words.next()?, "graph" | "flowchart") {
        return None;
    }
    let direction = words.next().unwrap_or("TD");
    reader.graph.sideways = matches!(direction, "LR" | "RL");
    reader.graph.reversed = matches!(direction, "RL" | "BT");
    for statement in statements.filter(|statement| !statement.is_empty()) {
        reader.statement(statement)?;
    }
    Some(reader.finish())
}

/// A statement ends at a line's end or at a semicolon outside quotes.
fn statements(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            // `&quot;` and `#35;` are entities.
            ';' if !quoted && !line[start..at].contains(['&', '#']) || c == ';' && is_style(&line[start..]) => {
                parts.push(line[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(line[start..].trim());
    parts
}

fn is_style(statement: &str) -> bool {
    ["classDef ", "style ", "class "].iter().any(|word| statement.trim_start().starts_with(word))
}

#[derive(Default)]
struct Reader {
    graph: Graph,
    index: HashMap<String, usize>,
    classes: HashMap<String, Style>,
    /// Classes may be defined after they are used.
    class_uses: Vec<(usize, String)>,
    own_styles: Vec<(usize, Style)>,
}

impl Reader {
    fn statement(&mut self, statement: &str) -> Option<()> {
        let (word, rest) = statement.split_once(char::is_whitespace).unwrap_or((statement, ""));
        match word {
            "classDef" => {
                let (names, style) = rest.trim().split_once(char::is_whitespace)?;
                for name in names.split(',') {
                    self.classes.insert(name.trim().to_owned(), parse_style(style));
                }
            }
            "class" => {
                let (ids, class) = rest.trim().rsplit_once(char::is_whitespace)?;
                for id in ids.split(',') {
                    let node = self.node(id.trim());
                    self.class_uses.push((node, class.to_owned()));
                }
            }
            "style" => {
                let (id, style) = rest.trim().split_once(char::is_whitespace)?;
                let node = self.node(id);
                self.own_styles.push((node, parse_style(style)));
            }
            "linkStyle" | "click" | "direction" | "subgraph" | "end" | "accTitle:" | "accDescr:" => {}
            _ => self.chain(statement)?,
        }
        Some(())
    }

    /// `a --> b & c -->|label| d`
    fn chain(&mut self, statement: &str) -> Option<()> {
        let (mut from, mut rest) = self.group(statement)?;
        while !rest.trim().is_empty() {
            let (arrow, after) = parse_arrow(rest.trim_start())?;
            let (to, after) = self.group(after)?;
            for &from in &from {
                for &to in &to {
                    let label = arrow.label.clone();
                    self.graph.edges.push(Edge { from, to, label, line: arrow.line, arrow: arrow.head });
                }
            }
            (from, rest) = (to, after);
        }
        Some(())
    }

    fn group<'a>(&mut self, text: &'a str) -> Option<(Vec<usize>, &'a str)> {
        let (first, mut rest) = self.parse_node(text)?;
        let mut nodes = vec![first];
        while let Some(after) = rest.trim_start().strip_prefix('&') {
            let (node, after) = self.parse_node(after)?;
            nodes.push(node);
            rest = after;
        }
        Some((nodes, rest))
    }

    fn parse_node<'a>(&mut self, text: &'a str) -> Option<(usize, &'a str)> {
        let text = text.trim_start();
        let (id, mut rest) = text.split_at(name_length(text));
        if id.is_empty() {
            return None;
        }
        let node = self.node(id);
        if let Some((open, close, shape)) = BRACKETS.iter().find(|(open, ..)| rest.starts_with(open)) {
            let inside = &rest[open.len()..];
            let (label, after) = match inside.strip_prefix('"') {
                Some(quoted) => {
                    let (label, after) = quoted.split_once('"')?;
                    (label, after.trim_start().strip_prefix(close)?)
                }
                None => inside.split_once(close)?,
            };
            self.graph.nodes[node].lines = plain_lines(label);
            self.graph.nodes[node].shape = *shape;
            rest = after;
        }
        if let Some(after) = rest.strip_prefix(":::") {
            let (class, after) = after.split_at(name_length(after));
            self.class_uses.push((node, class.to_owned()));
            rest = after;
        }
        Some((node, rest))
    }

    fn node(&mut self, id: &str) -> usize {
        if let Some(&node) = self.index.get(id) {
            return node;
        }
        let node = self.graph.nodes.len();
        self.graph.nodes.push(Node {
            id: id.to_owned(),
            lines: vec![id.to_owned()],
            shape: Shape::Rectangle,
            style: Style::default(),
        });
        self.index.insert(id.to_owned(), node);
        node
    }

    fn finish(mut self) -> Graph {
        if let Some(default) = self.classes.get("default") {
            for node in &mut self.graph.nodes {
                node.style = default.clone();
            }
        }
        for (node, class) in self.class_uses {
            if let Some(style) = self.classes.get(&class) {
                self.graph.nodes[node].style.put_over(style);
            }
        }
        for (node, style) in self.own_styles {
            self.graph.nodes[node].style.put_over(&style);
        }
        self.graph
    }
}

/// Letters, digits and underscores. A hyphen or a dot is only allowed between two of them, because arrows start with a
/// hyphen.
fn name_length(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let joins = matches!(c, '-' | '.') && at > 0 && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if !(c.is_alphanumeric() || c == '_' || joins) {
            return at;
        }
    }
    text.len()
}

struct Arrow {
    line: Line,
    head: bool,
    label: Option<String>,
}

/// `-->`, `---`, `-.->`, `==>`, `~~~`, each with `|label|` after it or the label inside: `-- label -->`.
fn parse_arrow(text: &str) -> Option<(Arrow, &str)> {
    let text = text.strip_prefix(['<', 'x', 'o']).unwrap_or(text);
    let body_length = |text: &str| text.find(|c| !"-.=~".contains(c)).unwrap_or(text.len());
    let (body, mut rest) = text.split_at(body_length(text));
    let line = match body.get(..2)? {
        "--" => Line::Solid,
        "-." => Line::Dotted,
        "==" => Line::Thick,
        "~~" => Line::Hidden,
        _ => return None,
    };
    let mut label = None;
    if body.len() == 2 && !rest.starts_with('>') {
        let end =
            rest.find([" --", " -.", " ==", " .-", "\"--", "\"==", "\".-"].iter().find(|end| rest.contains(**end))?)?;
        label = Some(rest[..=end].trim().trim_matches('"').to_owned());
        rest = rest[end + 1..].trim_start();
        rest = &rest[body_length(rest)..];
    }
    let after = rest.strip_prefix('>').or_else(|| rest.strip_prefix("x ")).or_else(|| rest.strip_prefix("o "));
    let (head, mut rest) = after.map_or((false, rest), |after| (true, after));
    if let Some(after) = rest.trim_start().strip_prefix('|') {
        let (text, after) = after.split_once('|')?;
        label = Some(text.trim().trim_matches('"').to_owned());
        rest = after;
    }
    let label = label.map(|label| plain_lines(&label).join(" ")).filter(|label| !label.is_empty());
    Some((Arrow { line, head, label }, rest))
}

/// A label's text: `<br>` and `\n` break lines, other tags are dropped, and entities are decoded.
fn plain_lines(label: &str) -> Vec<String> {
    let label = label.trim().trim_matches('`').replace("<br/>", "\n").replace("<br />", "\n").replace("<br>", "\n");
    let label = label.replace("\\n", "\n");
    let mut text = String::new();
    let mut tag = false;
    for c in label.chars() {
        match c {
            '<' => tag = true,
            '>' if tag => tag = false,
            _ if tag => {}
            _ => text.push(c),
        }
    }
    let entities =
        [("quot;", '"'), ("lt;", '<'), ("gt;", '>'), ("#39;", '\''), ("35;", '#'), ("nbsp;", ' '), ("amp;", '&')];
    for (name, character) in entities {
        for start in ['&', '#'] {
            text = text.replace(&format!("{start}{name}"), &character.to_string());
        }
    }
    text.lines().map(|line| line.trim().replace("**", "")).collect()
}

fn parse_style(text: &str) -> Style {
    let mut style = Style::default();
    for (name, value) in text.split([',', ';']).filter_map(|pair| pair.split_once(':')) {
        let value = value.trim().to_owned();
        let place = match name.trim() {
            "fill" => Some(&mut style.fill).filter(|_| is_colour(&value)),
            "stroke" => Some(&mut style.stroke).filter(|_| is_colour(&value)),
            "color" => Some(&mut style.color).filter(|_| is_colour(&value)),
            "stroke-width" => Some(&mut style.stroke_width).filter(|_| is_numbers(&value)),
            "stroke-dasharray" => Some(&mut style.dashes).filter(|_| is_numbers(&value)),
            _ => None,
        };
        if let Some(place) = place {
            *place = Some(value);
        }
    }
    style
}

fn is_colour(value: &str) -> bool {
    match value.strip_prefix('#') {
        Some(hex) => matches!(hex.len(), 3 | 4 | 6 | 8) && hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphabetic()),
    }
}

fn is_numbers(value: &str) -> bool {
    !value.is_empty() && value.trim_end_matches("px").bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b' ')
}

impl Style {
    fn put_over(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.fill, &other.fill),
            (&mut self.stroke, &other.stroke),
            (&mut self.color, &other.color),
            (&mut self.stroke_width, &other.stroke_width),
            (&mut self.dashes, &other.dashes),
        ] {
            if theirs.is_some() {
                mine.clone_from(theirs);
            }
        }
    }
}
