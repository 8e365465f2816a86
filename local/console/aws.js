// The administrator of the AWS accounts, whose one part in setting Alfredbot up is a role's trust policy. Slack has no
// such place; it stands here so that nothing has to be left for it.
'use strict';

const awsDialog = byId('aws');

function showResult(text, trouble) {
  byId('aws-result').textContent = text;
  byId('aws-result').classList.toggle('trouble', Boolean(trouble));
}

byId('aws-open').addEventListener('click', async () => {
  closeDrawers();
  showResult('');
  const { roles } = await ask('/console/aws', {});
  fillSelect('aws-role', roles.map((role) => [role.arn, `${role.name} in ${role.account}`]));
  awsDialog.showModal();
});

byId('aws-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const role = byId('aws-role');
  const name = role.selectedOptions[0].textContent;
  showResult('Saving…');
  try {
    const { error } = await send('/console/aws', { role: role.value, policy: byId('aws-policy').value });
    showResult(error ? `Not saved: ${error}` : `Saved: the trust policy of ${name}.`, error);
  } catch {
    showResult('Not saved: the local server cannot be reached.', true);
  }
});
byId('aws-close').addEventListener('click', () => awsDialog.close());
byId('aws-close').append(icon('close'));
byId('aws-open').prepend(icon('key'));
