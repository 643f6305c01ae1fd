from finetune_tts.report.markup import Html, joined, tag

HOSTILE = "<script>alert('x')</script>\"&"


def test_text_and_attributes_are_escaped():
    written = tag("p", HOSTILE, title=HOSTILE, class_="a")
    assert written == (
        '<p title="&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;" class="a">'
        "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;</p>"
    )


def test_markup_is_kept_and_nothing_is_left_out():
    assert tag("div", tag("b", "x"), None, "&") == "<div><b>x</b>&amp;</div>"
    assert tag("audio", controls=True, muted=False) == "<audio controls></audio>"
    assert tag("img", src="a") == '<img src="a">'
    assert joined("<", Html("<br>")) == "&lt;<br>"
