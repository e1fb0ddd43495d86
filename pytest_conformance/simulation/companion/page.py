"""Turn an app screen into an HTML page that works without JavaScript and looks like a phone app at 390 x 844."""

from __future__ import annotations

import base64
from html import escape
from urllib.parse import quote

from pytest_conformance.simulation.companion.screen import (
    AppScreen,
    Button,
    Checkbox,
    Control,
    Link,
    Paragraph,
    Picture,
    Switch,
    TextInput,
)

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#eef1f5;color:#17202b;font:16px/1.5 system-ui,"Noto Sans CJK SC","Noto Sans SC",sans-serif}
.phone{max-width:390px;min-height:844px;margin:0 auto;background:#f7f9fb}
header{background:#0b5c7a;color:#fff;padding:44px 20px 16px}
h1{font-size:22px;line-height:1.25;margin:0;overflow-wrap:anywhere}
main{padding:16px 20px 40px}
h2{font-size:17px;margin:18px 0 4px}
p{margin:0 0 12px;overflow-wrap:anywhere}
.notice{background:#fff4d6;border-left:4px solid #d98a00;padding:10px 12px}
.small{font-size:9px;color:#9aa3ad}
.row{display:flex;flex-wrap:wrap;align-items:center;gap:2px 12px;background:#fff;
 border:1px solid #d9e0e7;border-radius:12px;
 padding:12px 14px;margin:0 0 10px;min-height:52px}
.row label{flex:1;overflow-wrap:anywhere}
.row input[type=checkbox]{width:22px;height:22px;accent-color:#0b5c7a;margin:0}
.field{display:block;margin:0 0 12px}
.field label{display:block;font-size:14px;color:#45525f;margin:0 0 4px}
.field input{width:100%;font:inherit;padding:11px 12px;border:1px solid #b8c4cf;border-radius:10px;background:#fff}
button.go,a.go{display:block;width:100%;font:inherit;font-weight:600;text-align:center;text-decoration:none;
 padding:13px 16px;margin:0 0 10px;border-radius:12px;border:1px solid #0b5c7a;background:#fff;color:#0b5c7a;
 overflow-wrap:anywhere}
button.primary{background:#0b5c7a;color:#fff}
button:disabled{opacity:.45}
a.go{text-align:left;border-color:#d9e0e7;color:#17202b;font-weight:400}
a.go::after{content:"\\203A";float:right;color:#8b97a3}
button.switch{flex:none;width:52px;height:30px;border-radius:15px;border:0;background:#b8c4cf;position:relative}
button.switch::after{content:"";position:absolute;left:3px;top:3px;width:24px;height:24px;border-radius:50%;
 background:#fff}
button.switch[aria-checked=true]{background:#1f9d57}
button.switch[aria-checked=true]::after{left:25px}
.note{display:block;font-size:13px;font-weight:400;color:#5c6975}
.row .note{flex:0 0 100%;order:9}
.under{text-align:center;margin:-6px 0 10px}
img{display:block;width:100%;border-radius:12px;background:#000;margin:0 0 12px}
"""


def page(screen: AppScreen) -> bytes:
    """Return the screen as UTF-8 HTML. Every string is data: it is escaped, and what UTF-8 cannot carry is replaced."""
    pieces = [_paragraph(piece) for piece in screen.paragraphs]
    pieces += [_control(control, f"c{number}") for number, control in enumerate(screen.controls)]
    text = f"""<!doctype html>
<html lang="{_data(screen.lang)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_data(screen.title)}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<div class="phone">
<header><h1>{_data(screen.title)}</h1></header>
<main><form method="post" action="{address(screen.path)}" accept-charset="utf-8" autocomplete="off">
{chr(10).join(pieces)}
</form></main>
</div>
</body>
</html>
"""
    return text.encode("utf-8", "replace")


def address(path: str) -> str:
    """Return a path of the app as it stands in a link; what is no path (a web address) stays as it is."""
    return quote(path, safe="/-._~", errors="replace") if path.startswith("/") else _data(path)


def _data(text: str) -> str:
    return escape(text.replace("\0", "\ufffd"), quote=True)


def _paragraph(piece: Paragraph | str) -> str:
    if isinstance(piece, str):
        piece = Paragraph(piece)
    tag = "h2" if piece.style == "heading" else "p"
    kind = {"plain": "", "heading": "", "hidden": " hidden"}.get(piece.style, f' class="{piece.style}"')
    role = ' role="note"' if piece.style == "notice" else ""
    return f'<{tag} lang="{_data(piece.lang)}"{kind}{role}>{_data(piece.text)}</{tag}>'


def _control(control: Control, key: str) -> str:
    if isinstance(control, Button):
        kind = "go primary" if control.primary else "go"
        button = (
            f'<button type="submit" class="{kind}" name="press" value="{_data(control.name)}"'
            f"{_described(control.note, key)}{_disabled(control.enabled)}>{_data(control.label)}</button>"
        )
        return button + _note(control.note, key, "note under")
    if isinstance(control, Link):
        link = f'<a class="go" href="{address(control.path)}"{_described(control.note, key)}>{_data(control.label)}</a>'
        return link + _note(control.note, key, "note under")
    if isinstance(control, Checkbox):
        ticked = " checked" if control.ticked else ""
        return (
            f'<div class="row"><input type="checkbox" id="{key}" name="{_data(control.name)}" value="on"{ticked}'
            f"{_described(control.note, key)}{_disabled(control.enabled)}>"
            f'<label for="{key}">{_data(control.label)}</label>{_note(control.note, key)}</div>'
        )
    if isinstance(control, Switch):
        return _switch(control, key)
    if isinstance(control, TextInput):
        return (
            f'<div class="field"><label for="{key}">{_data(control.label)}</label>'
            f'<input type="{control.kind}" id="{key}" name="{_data(control.name)}" value="{_data(control.value)}"'
            f"{_described(control.note, key)}{_disabled(control.enabled)}>{_note(control.note, key)}</div>"
        )
    return _picture(control)


def _switch(control: Switch, key: str) -> str:
    state, asked = ("true", "off") if control.on else ("false", "on")
    return (
        f'<div class="row"><label for="{key}">{_data(control.label)}</label>{_note(control.note, key)}'
        f'<button type="submit" role="switch" class="switch" id="{key}" aria-checked="{state}"'
        f' name="{_data(control.name)}" value="{asked}"{_described(control.note, key)}{_disabled(control.enabled)}>'
        "</button></div>"
    )


def _picture(control: Picture) -> str:
    content = base64.b64encode(control.content).decode()
    return f'<img alt="{_data(control.label)}" src="data:{_data(control.media_type)};base64,{content}">'


def _note(note: str, key: str, kind: str = "note") -> str:
    return f'<span class="{kind}" id="{key}n" lang="zh-CN">{_data(note)}</span>' if note else ""


def _described(note: str, key: str) -> str:
    return f' aria-describedby="{key}n"' if note else ""


def _disabled(enabled: bool) -> str:
    return "" if enabled else " disabled"
