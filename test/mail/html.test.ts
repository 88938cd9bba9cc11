import t from 'tap'
import { html } from '../../lib/mail/html.js'

// seen to fail with an entity too few
t.test('what is put into a template is escaped, in text and in attributes', async t => {
  const hostile = '<script>alert("1")</script>&\''

  t.equal(html`<p title="${hostile}">${hostile}</p>`.text,
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</p>')
})

t.test('HTML, and lists of it, are put in as they are; numbers as text', async t => {
  const items = ['<a>', 'b'].map(item => html`<li>${item}</li>`)

  t.equal(html`<ol>${items}</ol>${html`<br>`}${0}`.text, '<ol><li>&lt;a&gt;</li><li>b</li></ol><br>0')
})
