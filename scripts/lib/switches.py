# SPDX-License-Identifier: GPL-2.0-or-later
"""Put a switch at each condition of a C++ guard: gone(N) is true when the condition with that number is to be left out.

Understood is what a pure function of facts is made of: `if (...)` with a return, `return ...;`, and constants that are sets of bits. Left out
is always the looser answer: of a ?: the branch 0 or kPermitted, of a predicate true, of a set of bits nothing.
"""

import re

STATEMENT = re.compile(r"(?P<if>\bif \()|\breturn (?=[^;]*[&|?(!=<])|(?<![=!<>])=\s(?=[^;{]*[&|])")
# Looked up each time, not once: a switch in it is thrown later.
CONSTANT = re.compile(r"^constexpr [\w ]+ (?P<name>\w+) =(?P<value>[^;]*);[ \t]*$", re.MULTILINE)
FUNCTION = re.compile(r"^constexpr ", re.MULTILINE)
PREDICATE = re.compile(r"^constexpr bool \w+\(", re.MULTILINE)
PERMITTED = ("kPermitted", "0")


class Switches:
    """The conditions found so far: the line and the text of each."""

    def __init__(self):
        self.found = []

    def number(self, line, text):
        self.found.append((line, " ".join(text.split())))
        return len(self.found)


def _places(text, operator):
    """Where the operator stands outside all parentheses and braces."""
    depth, found, position = 0, [], 0
    while position < len(text):
        char = text[position]
        depth += (char in "({[") - (char in ")}]")
        if not depth and text.startswith(operator, position) and _is_operator(text, position, operator):
            found.append(position)
            position += len(operator)
        else:
            position += 1
    return found


def _is_operator(text, position, operator):
    around = text[position - 1:position], text[position + len(operator):position + len(operator) + 1]
    if operator == "|":
        return "|" not in around and "=" not in around
    return operator != ":" or ":" not in around


def _split(text, operator):
    bounds = [0]
    for place in _places(text, operator):
        bounds += [place, place + len(operator)]
    bounds.append(len(text))
    return [text[begin:end] for begin, end in zip(bounds[::2], bounds[1::2])]


def _expression(text, line, switches, is_predicate=False):
    """The text with switches. line: of its first character."""
    question = _places(text, "?")
    if question:
        colon = _places(text, ":")[-1]
        asked, yes, no = text[:question[0]], text[question[0] + 1:colon], text[colon + 1:]
        inner = _expression(asked, line, switches)
        number = switches.number(line, asked + " ? :")
        chosen = f"(gone({number}) || ({inner}))" if yes.strip() in PERMITTED else f"(!gone({number}) && ({inner}))"
        at = lambda part: line + text[:part].count("\n")  # noqa: E731
        return f"{chosen} ? {_expression(yes, at(question[0]), switches)} : {_expression(no, at(colon), switches)}"
    for operator, switched in (("||", "(!gone({}) && ({}))"), ("&&", "(gone({}) || ({}))"), ("|", "(gone({}) ? 0 : ({}))")):
        parts = _split(text, operator)
        if len(parts) > 1:
            return f" {operator} ".join(_part(part, line + "".join(parts[:at]).count("\n"), switches, switched)
                                        for at, part in enumerate(parts))
    inner = _groups(text, line, switches)
    if is_predicate and text.strip() not in ("true", "false"):
        return f"gone({switches.number(line, text)}) || ({inner})"
    return inner


def _part(text, line, switches, switched):
    number = switches.number(line, text)
    return switched.format(number, _expression(text, line, switches))


def _groups(text, line, switches):
    """What stands in parentheses in something that has no operator of ours outside them."""
    out, position = "", 0
    while position < len(text):
        if text[position] == "(":
            end = _end(text, position)
            out += f"({_expression(text[position + 1:end], line + text[:position].count(chr(10)), switches)})"
            position = end + 1
        else:
            out += text[position]
            position += 1
    return out


def _end(text, start):
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == "(") - (text[position] == ")")
        if not depth:
            return position
    raise ValueError(f"no end of: {text[start:]}")


def _as_macro(constant):
    if "gone(" not in constant["value"]:
        return constant[0]
    return f"#define {constant['name']} ({' '.join(constant['value'].split())})"


def insert(text):
    """The text with its switches, and the line and the text of each, in the order of their numbers."""
    switches, out, position = Switches(), "", 0
    clean = re.sub(r"//[^\n]*", lambda comment: " " * len(comment[0]), text)
    while match := STATEMENT.search(clean, position):
        line = clean.count("\n", 0, match.end()) + 1
        out += clean[position:match.end()]
        if match["if"]:
            end = _end(clean, match.end() - 1)
            whole = "if (" + clean[match.end():end] + ")" + clean[end + 1:clean.index(";", end)]
            inner = _expression(clean[match.end():end], line, switches)
            out += f"!gone({switches.number(line, whole)}) && ({inner})"
        else:
            end = clean.index(";", match.end())
            function = clean.rfind("\nconstexpr ", 0, match.start()) + 1
            out += _expression(clean[match.end():end], line, switches, bool(PREDICATE.match(clean, function)) and "return" in match[0])
        position = end
    out = CONSTANT.sub(_as_macro, out + clean[position:])
    return FUNCTION.sub("static inline ", out), tuple(switches.found)
