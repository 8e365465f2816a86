//! Lines of a page: at most [`WIDTH`] wide where words allow, nothing but printable characters.

/// The width that lines are broken at.
pub const WIDTH: usize = 80;

/// A page that is being written.
#[derive(Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// A section's title.
    pub fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(title);
        self.text.push('\n');
    }

    /// Words, broken where a line is full. Lines after the first are indented by two more.
    pub fn words<'a>(&mut self, indent: usize, words: impl IntoIterator<Item = &'a str>) {
        let mut column = 0;
        for word in words.into_iter().filter(|word| !word.is_empty()) {
            let length = word.chars().count();
            if column == 0 {
                self.indent(indent);
                column = indent;
            } else if column + 1 + length > WIDTH {
                self.text.push('\n');
                self.indent(indent + 2);
                column = indent + 2;
            } else {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += length;
        }
        if column > 0 {
            self.text.push('\n');
        }
    }

    /// A sentence.
    pub fn sentence(&mut self, indent: usize, text: &str) {
        self.words(indent, text.split(' '));
    }

    /// Lines that are broken already.
    pub fn lines(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.indent(indent);
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// A long text without spaces, broken behind its commas.
    pub fn dense(&mut self, indent: usize, text: &str) {
        let mut column = indent;
        self.indent(indent);
        for piece in text.split_inclusive(',') {
            if column > indent && column + piece.trim_end().len() > WIDTH {
                self.text.push('\n');
                self.indent(indent + 2);
                column = indent + 2;
            }
            self.text.push_str(piece);
            column += piece.len();
        }
        self.text.push('\n');
    }

    /// Words in as many columns as fit.
    pub fn columns(&mut self, words: &[&str]) {
        let widest = words.iter().map(|word| word.len() + 2).max().unwrap_or(1);
        let count = ((WIDTH - 2) / widest).max(1);
        for words in words.chunks(count) {
            let cells: String = words.iter().map(|word| format!("{word:widest$}")).collect();
            self.lines(2, cells.trim_end());
        }
    }

    /// A name and what it means, in two columns.
    pub fn entry(&mut self, name: &str, meaning: &str) {
        const NAMES: usize = 24;
        if name.len() + 2 > NAMES {
            self.words(2, [name]);
            self.sentence(2 + NAMES, meaning);
            return;
        }
        let start = self.text.len();
        self.sentence(2 + NAMES, meaning);
        self.text.replace_range(start..start + 2 + NAMES, &format!("  {name:NAMES$}"));
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    /// The page's text.
    pub fn into_text(self) -> String {
        self.text
    }
}
